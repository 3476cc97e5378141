import KingletErrors
import KingletFiles

/// Which modules a PEFT configuration has updates of. Updates of others PEFT leaves out when it loads the file, so that a file
/// that has some does not mean what it seems to. The rules are those of `check_target_module_exists` of peft.
struct ModuleSelection {
  private let targets: ModuleSet?
  private let exclusions: ModuleSet?
  /// Modules that were trained as a whole, with all that is in them.
  private let saved: [Regex<AnyRegexOutput>]
  private let layers: [Int]
  /// What finds the number of a module's layer.
  private let layerPatterns: [Regex<AnyRegexOutput>]

  init(_ fields: ConfigFields) throws(KingletError) {
    let (targets, layers) = ("target_modules", "layers_to_transform")
    self.targets = try ModuleSet(targets, fields)
    exclusions = try ModuleSet("exclude_modules", fields)
    saved = try fields.regexes("modules_to_save", fields.strings("modules_to_save") ?? []) {
      #"(^|.*\.)\#($0)($|\..*)"#
    }
    let chosen = try fields.read(layers, "a number or a list of numbers") { $0.integer.map { [$0] } ?? $0.integers }
    guard chosen == nil || self.targets?.isList ?? true else {
      throw fields.wrong(layers, "peft takes no \(layers) where \(targets) is a text")
    }
    self.layers = chosen ?? []
    let key = "layers_pattern"
    let patterns = try fields.read(key, "a text or a list of texts") { $0.string.map { [$0] } ?? $0.strings } ?? []
    layerPatterns =
      patterns.allSatisfy(\.isEmpty)
      ? try fields.regexes(key, [""]) { _ in #".*?\.[^.]*\.(?<idx>\d+)\."# }
      : try fields.regexes(key, patterns) { #"(?:^|.*?\.)\#($0)\.(?<idx>\d+)\."# }
  }

  /// The field for which PEFT leaves out an update of a module; nil for an update that it applies.
  func fieldAgainst(_ module: String) -> String? {
    if exclusions?.contains(module) == true { return "exclude_modules" }
    if saved.contains(where: { (try? $0.prefixMatch(in: module)) != nil }) { return "modules_to_save" }
    if let targets {
      guard targets.contains(module) else { return "target_modules" }
      // A whole path is not asked for its layer.
      if case .listed(let names) = targets, names.contains(module) { return nil }
    }
    guard !layers.isEmpty else { return nil }
    return layer(of: module).map(layers.contains) == true ? nil : "layers_to_transform"
  }

  private func layer(of module: String) -> Int? {
    for pattern in layerPatterns {
      if let match = try? pattern.prefixMatch(in: module) { return match["idx"]?.substring.flatMap { Int($0) } }
    }
    return nil
  }
}

/// Modules by their names: of a list, or all whose path a regular expression matches.
private enum ModuleSet {
  /// Each is a whole path, or the end of one behind a dot.
  case listed([String])
  case matching(Regex<AnyRegexOutput>)
  /// All matrices but embedding and head.
  case allLinear

  /// What a field says; nil where it is not there.
  init?(_ key: String, _ fields: ConfigFields) throws(KingletError) {
    let kind = "a text or a list of texts"
    guard let value = try fields.read(key, kind, { $0.string == nil && $0.strings == nil ? nil : $0 }) else {
      return nil
    }
    if let names = value.strings {
      self = .listed(names)
    } else if let text = value.string, text.lowercased() != "all-linear" {
      self = .matching(try fields.regex(key, text, text))
    } else {
      self = .allLinear
    }
  }

  var isList: Bool { if case .listed = self { true } else { false } }

  func contains(_ module: String) -> Bool {
    switch self {
    case .listed(let names): names.contains { module == $0 || module.hasSuffix(".\($0)") }
    case .matching(let regex): (try? regex.wholeMatch(in: module)) != nil
    case .allLinear: !["output", "token_embd"].contains(try? tensorName(ofModule: module))
    }
  }
}

extension ConfigFields {
  /// A regular expression that is made of a text of a field, matched as Python does: in `self_attn.q_proj` it sees words
  /// with a boundary at the dot, which Unicode's rules do not.
  ///
  /// - Throws: `.unsupported`, naming the text, for what Swift's regular expressions cannot say.
  func regex(_ key: String, _ text: String, _ source: String) throws(KingletError) -> Regex<AnyRegexOutput> {
    do { return try Regex(source).wordBoundaryKind(.simple).matchingSemantics(.unicodeScalar) } catch {
      throw unsupported(
        key, "\(quoted(text)) is no regular expression that Kinglet knows",
        remedy: "Put names, or a simpler expression, in its place.")
    }
  }

  fileprivate func regexes(
    _ key: String, _ texts: [String], _ source: (String) -> String
  ) throws(KingletError) -> [Regex<AnyRegexOutput>] {
    var regexes: [Regex<AnyRegexOutput>] = []
    for text in texts { regexes.append(try regex(key, text, source(text))) }
    return regexes
  }
}
