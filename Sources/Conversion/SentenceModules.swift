import KingletErrors
import KingletFiles

/// What a folder of Sentence Transformers says beyond the model itself: `modules.json` and the folders it names.
struct SentenceModules {
  /// How tokens become one vector.
  let pooling: Pooling?
  /// The folders of the projections that follow.
  let denseFolders: [String]
  /// Whether vectors are brought to unit length.
  let isNormalized: Bool
  /// The longest input the model is meant for, which may be less than it has positions for.
  let longestInput: Int?

  /// Reads the modules of `folder`; nil where there are none, as in folders of models that generate.
  ///
  /// - Throws: `.unsupported` for modules that the format cannot express; `.fileCorrupt` for files that are no such thing.
  init?(folder: String) throws(KingletError) {
    let path = "\(folder)/modules.json"
    guard fileExists(path) else { return nil }
    guard let modules = try JSONValue(contentsOf: path).array else {
      throw KingletError(.fileCorrupt, "this is no list of modules", at: path)
    }
    var pooling: Pooling?
    var denseFolders: [String] = []
    var isNormalized = false
    for module in modules {
      guard let type = module["type"]?.string, let place = (module["path"] ?? .string("")).string else {
        throw KingletError(.fileCorrupt, "a module has no type or no path", at: path)
      }
      // Below the folder, for a model must not lead out of it.
      guard !place.hasPrefix("/"), !place.split(separator: "/").contains("..") else {
        throw KingletError(.fileCorrupt, "the module \(quoted(place)) is not in the folder", at: path)
      }
      switch type.split(separator: ".").last {
      case "Transformer": break
      case "Normalize": isNormalized = true
      case "Pooling": pooling = try Self.pooling("\(folder)/\(place)/config.json")
      case "Dense": denseFolders.append("\(folder)/\(place)")
      default:
        throw KingletError(.unsupported, "modules of type \(quoted(type)) are not converted", at: path)
      }
    }
    self.pooling = pooling
    self.denseFolders = denseFolders
    self.isNormalized = isNormalized
    var longestInput: Int?
    for kind in ["bert", "roberta", "xlm-roberta"] where longestInput == nil {
      longestInput = try Self.longestInput("\(folder)/sentence_\(kind)_config.json")
    }
    self.longestInput = longestInput
  }

  /// One of many switches, or in newer files a name.
  private static func pooling(_ path: String) throws(KingletError) -> Pooling {
    let config = try JSONValue(contentsOf: path)
    if let name = config["pooling_mode"]?.string {
      guard let pooling = Pooling(named: name) else { throw unsupported(name, path) }
      return pooling
    }
    let mark = "pooling_mode_"
    let chosen = (config.members ?? []).filter { $0.key.hasPrefix(mark) && $0.value == .bool(true) }.map(\.key)
    let names = chosen.map { key in
      let name = String(key.dropFirst(mark.count))
      return ["_tokens", "_token"].first { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) } ?? name
    }
    guard names.count == 1, let pooling = Pooling(named: names[0]) else {
      throw unsupported(names.joined(separator: " and "), path)
    }
    return pooling
  }

  private static func unsupported(_ name: String, _ path: String) -> KingletError {
    KingletError(
      .unsupported, name.isEmpty ? "no pooling is chosen" : "pooling \(quoted(name)) is not supported", at: path)
  }

  private static func longestInput(_ path: String) throws(KingletError) -> Int? {
    guard fileExists(path), let value = try JSONValue(contentsOf: path)["max_seq_length"], value != .null else {
      return nil
    }
    guard let length = value.integer, (1...Int(Int32.max)).contains(length) else {
      throw KingletError(.fileCorrupt, "the value is no length", at: "\(path): max_seq_length")
    }
    return length
  }
}
