import KingletErrors
import KingletFiles

/// `adapter_config.json` of PEFT: what of it changes the result.
struct PEFTConfig {
  /// `use_rslora`: the scale is alpha over the root of the rank (Kalajdzievski 2023).
  let isRankStabilized: Bool
  /// `use_dora`.
  let isWeightDecomposed: Bool
  /// `bias`, unless it is "none".
  let trainsBiases: Bool
  /// `alora_invocation_tokens`.
  let invocation: [Int32]
  private let rank: Int
  private let alpha: Double
  private let rankPatterns: [(Regex<AnyRegexOutput>, Int)]
  private let alphaPatterns: [(Regex<AnyRegexOutput>, Double)]

  /// Settings that only matter while training, or that the names of the tensors say again.
  private static let harmless: Set<String> = [
    "auto_mapping", "base_model_name_or_path", "corda_config", "eva_config", "exclude_modules", "fan_in_fan_out",
    "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform", "loftq_config", "lora_dropout",
    "lora_ga_config", "megatron_config", "megatron_core", "modules_to_save", "monteclora_config", "peft_type",
    "peft_version", "qalora_group_size", "revision", "runtime_config", "target_modules", "task_type", "velora_config",
    // Read below.
    "r", "lora_alpha", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern", "bias",
    "alora_invocation_tokens",
  ]

  init(contentsOf path: String) throws(KingletError) {
    let config = try JSONValue(contentsOf: path)
    func wrong(_ key: String, _ message: String) -> KingletError {
      KingletError(.fileCorrupt, message, at: "\(path): \(key)")
    }
    guard let members = config.members else { throw KingletError(.fileCorrupt, "this is no object", at: path) }
    guard let type = config["peft_type"]?.string else { throw wrong("peft_type", "the kind of adapter is missing") }
    guard type == "LORA" else {
      throw KingletError(.unsupported, "adapters of the kind \(type) are not applied, only LORA", at: path)
    }
    // Whatever else is switched on would be left out silently.
    for member in members where !Self.harmless.contains(member.key) && !member.value.isOff {
      throw KingletError(
        .unsupported, "the adapter uses a setting that Kinglet does not apply", at: "\(path): \(member.key)")
    }
    let bias = config["bias"]?.string ?? "none"
    guard ["none", "all", "lora_only"].contains(bias) else {
      throw KingletError(.unsupported, "the choice of biases \(quoted(bias)) is not known", at: "\(path): bias")
    }
    trainsBiases = bias != "none"
    var invocation: [Int32] = []
    for token in config["alora_invocation_tokens"]?.array ?? [] {
      guard let id = token.integer.flatMap({ Int32(exactly: $0) }) else {
        throw wrong("alora_invocation_tokens", "a token is no number")
      }
      invocation.append(id)
    }
    self.invocation = invocation
    guard let rank = config["r"]?.integer, rank > 0 else { throw wrong("r", "the rank is missing, or no number") }
    guard let alpha = config["lora_alpha"]?.number, alpha.isFinite else {
      throw wrong("lora_alpha", "the scale is missing, or no number")
    }
    self.rank = rank
    self.alpha = alpha
    isRankStabilized = config["use_rslora"] == .bool(true)
    isWeightDecomposed = config["use_dora"] == .bool(true)
    var rankPatterns: [(Regex<AnyRegexOutput>, Int)] = []
    for member in config["rank_pattern"]?.members ?? [] {
      guard let rank = member.value.integer, rank > 0 else { throw wrong("rank_pattern", "a rank is no number") }
      rankPatterns.append((try pattern(member.key, "\(path): rank_pattern"), rank))
    }
    var alphaPatterns: [(Regex<AnyRegexOutput>, Double)] = []
    for member in config["alpha_pattern"]?.members ?? [] {
      guard let alpha = member.value.number, alpha.isFinite else {
        throw wrong("alpha_pattern", "a scale is no number")
      }
      alphaPatterns.append((try pattern(member.key, "\(path): alpha_pattern"), alpha))
    }
    self.rankPatterns = rankPatterns
    self.alphaPatterns = alphaPatterns
  }

  func rank(of module: String) throws(KingletError) -> Int { first(rankPatterns, module) ?? rank }
  func alpha(of module: String) throws(KingletError) -> Double { first(alphaPatterns, module) ?? alpha }

  private func first<Value>(_ patterns: [(Regex<AnyRegexOutput>, Value)], _ module: String) -> Value? {
    patterns.first { (try? $0.0.wholeMatch(in: module)) != nil }?.1
  }
}

/// A key of a pattern is a regular expression for the end of a module's path, after a dot or all of it.
private func pattern(_ key: String, _ location: String) throws(KingletError) -> Regex<AnyRegexOutput> {
  do { return try Regex("(.*\\.)?(\(key))") } catch {
    throw KingletError(.unsupported, "the key \(quoted(key)) is no regular expression that Kinglet knows", at: location)
  }
}

extension JSONValue {
  /// Null, false or empty: as if it were not there.
  fileprivate var isOff: Bool {
    switch self {
    case .null, .bool(false): true
    case .array(let values): values.isEmpty
    case .object(let members): members.isEmpty
    case .string(let text): text.isEmpty
    default: false
    }
  }
}
