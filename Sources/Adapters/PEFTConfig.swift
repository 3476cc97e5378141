import KingletErrors
import KingletFiles

/// `adapter_config.json` of PEFT: what of it changes the result.
struct PEFTConfig {
  /// `use_dora`.
  let isWeightDecomposed: Bool
  /// `bias`, unless it is "none".
  let trainsBiases: Bool
  /// `alora_invocation_tokens`.
  let invocation: [Int32]
  /// `modules_to_save`: ends of the names of modules that were trained as a whole.
  let modulesToSave: [String]
  let selection: ModuleSelection
  let fields: ConfigFields
  /// `use_rslora`: the scale is alpha over the root of the rank (Kalajdzievski 2023).
  private let isRankStabilized: Bool
  private let rank: Int
  private let alpha: Double
  private let rankPatterns: [(Regex<AnyRegexOutput>, Int)]
  private let alphaPatterns: [(Regex<AnyRegexOutput>, Double)]

  /// Settings that only matter while training, or that the names of the tensors say again.
  private static let harmless: Set<String> = [
    "auto_mapping", "base_model_name_or_path", "corda_config", "eva_config", "fan_in_fan_out", "inference_mode",
    "loftq_config", "lora_dropout", "lora_ga_config", "megatron_config", "megatron_core", "monteclora_config",
    "peft_version", "qalora_group_size", "revision", "runtime_config", "task_type", "velora_config",
    // Read below, or by `ModuleSelection`.
    "peft_type", "r", "lora_alpha", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern", "bias",
    "alora_invocation_tokens", "init_lora_weights", "modules_to_save", "target_modules", "exclude_modules",
    "layers_to_transform", "layers_pattern",
  ]

  init(contentsOf path: String) throws(KingletError) {
    let fields = try ConfigFields(contentsOf: path)
    self.fields = fields
    let type = try fields.required("peft_type", fields.string("peft_type"), "the kind of adapter")
    guard type == "LORA" else {
      throw fields.unsupported(
        "peft_type", "adapters of the kind \(type) are not applied, only LORA",
        remedy: Remedy.mergeByPEFT)
    }
    // Whatever else is switched on would be left out silently.
    for member in fields.members where !Self.harmless.contains(member.key) && !member.value.isOff {
      throw fields.unsupported(
        member.key, "the adapter uses a setting that Kinglet does not apply",
        remedy: Remedy.merge(orTrainWithout: "this setting"))
    }
    try fields.checkInitialization()
    let bias = try fields.string("bias") ?? "none"
    guard ["none", "all", "lora_only"].contains(bias) else {
      throw fields.unsupported(
        "bias", "the choice of biases \(quoted(bias)) is not known", remedy: "Known are none, all and lora_only.")
    }
    trainsBiases = bias != "none"
    isRankStabilized = try fields.bool("use_rslora") ?? false
    isWeightDecomposed = try fields.bool("use_dora") ?? false
    modulesToSave = try fields.strings("modules_to_save") ?? []
    selection = try ModuleSelection(fields)
    let tokens = "alora_invocation_tokens"
    var invocation: [Int32] = []
    for token in try fields.integers(tokens) ?? [] {
      guard let id = Int32(exactly: token) else { throw fields.wrong(tokens, "\(token) is no token") }
      invocation.append(id)
    }
    self.invocation = invocation
    rank = try fields.required("r", fields.integer("r"), "the rank")
    guard rank > 0 else { throw fields.wrong("r", "a rank must be above 0") }
    alpha = try fields.required("lora_alpha", fields.number("lora_alpha"), "the scale")
    rankPatterns = try fields.patterns("rank_pattern", "whole numbers above 0") {
      $0.integer.flatMap { $0 > 0 ? $0 : nil }
    }
    alphaPatterns = try fields.patterns("alpha_pattern", "finite numbers", \.finiteNumber)
  }

  func rank(of module: String) -> Int { first(rankPatterns, module) ?? rank }

  /// - Throws: `.fileCorrupt`, naming the field, for a scale beyond single precision.
  func scale(of module: String, rank: Int) throws(KingletError) -> Float {
    let (own, rank) = (first(alphaPatterns, module), Double(rank))
    let scale = Float((own ?? alpha) / (isRankStabilized ? rank.squareRoot() : rank))
    guard scale.isFinite else {
      throw fields.wrong(
        own == nil ? "lora_alpha" : "alpha_pattern", "the scale of \(module) is beyond single precision")
    }
    return scale
  }

  private func first<Value>(_ patterns: [(Regex<AnyRegexOutput>, Value)], _ module: String) -> Value? {
    patterns.first { (try? $0.0.wholeMatch(in: module)) != nil }?.1
  }
}

extension ConfigFields {
  /// PEFT takes the beginnings of some methods out of the base's weights, again whenever it loads such an adapter: its
  /// factors belong to what is left of them, not to the base.
  fileprivate func checkInitialization() throws(KingletError) {
    let key = "init_lora_weights"
    let name = try read(key, "true, false or a text") { $0.bool == nil ? $0.string?.lowercased() : "" } ?? ""
    guard !["pissa", "olora", "corda", "loftq"].contains(where: name.hasPrefix) else {
      throw unsupported(
        key, "with \(quoted(name)) the factors belong to weights that differ from those of the base",
        remedy: "Save the adapter with path_initial_model_for_weight_conversion (save_pretrained in peft): that makes "
          + "it an ordinary LoRA.")
    }
    guard ["", "gaussian", "eva", "orthogonal", "mica", "lora_ga"].contains(name) else {
      throw unsupported(
        key, "the initialization \(quoted(name)) is not known",
        remedy: Remedy.mergeByPEFT)
    }
  }

  /// An object's values by what its keys match. A key is a regular expression for the end of a module's path, after a dot
  /// or all of it.
  fileprivate func patterns<Value>(
    _ key: String, _ kind: String, _ value: (JSONValue) -> Value?
  ) throws(KingletError) -> [(Regex<AnyRegexOutput>, Value)] {
    var patterns: [(Regex<AnyRegexOutput>, Value)] = []
    for member in try read(key, "an object of \(kind)", \.members) ?? [] {
      guard let value = value(member.value) else { throw wrong(key, "the values must be \(kind)") }
      patterns.append((try regex(key, member.key, #"(.*\.)?(\#(member.key))"#), value))
    }
    return patterns
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
