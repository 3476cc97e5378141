import KingletErrors
import KingletFiles
import KingletSafetensors
import KingletTransformer

// PEFT can say the rank and the scale of every module, so nothing is folded: `lora_alpha` and `r` are what most modules
// have, the patterns name the others.

func writePEFT(_ adapter: Adapter, to path: String, _ base: AdapterBase?) throws(KingletError) -> [String] {
  let modules = try adapter.modules(base)
  let isWeightDecomposed = try adapter.isWeightDecomposed()
  let rank = mostFrequent(modules.map(\.update.rank)) ?? 1
  let alpha = mostFrequent(modules.map(\.update.alpha)) ?? 1
  let config = JSONValue.object([
    "peft_type": .string("LORA"), "task_type": .string("CAUSAL_LM"),
    "base_model_name_or_path": adapter.baseName ?? .null, "inference_mode": .bool(true), "r": .integer(rank),
    "lora_alpha": .exact(alpha), "rank_pattern": pattern(modules, besides: .integer(rank)) { .integer($0.rank) },
    "alpha_pattern": pattern(modules, besides: .exact(alpha)) { .exact($0.alpha) },
    "use_rslora": .bool(false), "use_dora": .bool(isWeightDecomposed), "lora_dropout": .number(0),
    "bias": .string("none"), "fan_in_fan_out": .bool(false), "init_lora_weights": .bool(true),
    "alora_invocation_tokens": adapter.invocation.isEmpty
      ? .null : .array(adapter.invocation.map { .integer(Int($0)) }), "modules_to_save": .null,
    "target_modules": .array(targets(modules, base).map { .string($0) }),
  ])
  var writer = SafetensorsWriter()
  writer.metadata["format"] = "pt"
  let storage = FloatStorage(modules.flatMap { [$0.update.a, $0.update.b, $0.update.magnitude ?? []] })
  for module in modules {
    let (u, name) = (module.update, "base_model.model.\(module.module)")
    let (a, b) = u.isOfEmbedding ? ("lora_embedding_A", "lora_embedding_B") : ("lora_A.weight", "lora_B.weight")
    try storage.add("\(name).\(a)", shape: [u.rank, u.a.count / u.rank], u.a, to: &writer)
    try storage.add("\(name).\(b)", shape: [u.b.count / u.rank, u.rank], u.b, to: &writer)
    if let magnitude = u.magnitude {
      try storage.add("\(name).lora_magnitude_vector", shape: [magnitude.count], magnitude, to: &writer)
    }
  }
  let folder = try ReplacementFolder(at: path)
  try writer.write(to: folder.place(of: "adapter_model.safetensors"))
  try folder.write(config.text, as: "adapter_config.json")
  try folder.commit()
  return []
}

extension AdapterUpdate {
  /// What the rank divides to give the scale: exact, as a single-precision scale times a small number is in double.
  fileprivate var alpha: Double { Double(scale) * Double(rank) }
}

/// Last names where they mean exactly these modules, else full paths.
private func targets(_ modules: [ModuleUpdate], _ base: AdapterBase?) -> [String] {
  let layers = base?.description.layers.count ?? (modules.compactMap(\.layer).max() ?? -1) + 1
  let groups = Dictionary(grouping: modules, by: \.leaf)
  let areWhole = groups.values.allSatisfy { group in
    group.allSatisfy { $0.layer == nil } || Set(group.compactMap(\.layer)).count == layers
  }
  return areWhole ? groups.keys.sorted() : modules.map(\.module).sorted()
}

/// Values other than the common one, by the last name where all modules of that name agree, else by the path, from
/// `layers` on: older releases want a dot before what they match.
private func pattern(
  _ modules: [ModuleUpdate], besides common: JSONValue, _ value: (AdapterUpdate) -> JSONValue
) -> JSONValue {
  var members: [JSONValue.Member] = []
  for (leaf, group) in Dictionary(grouping: modules, by: \.leaf).sorted(by: { $0.key < $1.key }) {
    let values = group.map { value($0.update) }
    if values.allSatisfy({ $0 == values[0] }) {
      if values[0] != common { members.append(.init(key: leaf, value: values[0])) }
      continue
    }
    for (module, value) in zip(group, values) where value != common {
      let key = module.layer.map { "layers.\($0).\(module.nameInLayer)" } ?? module.module
      members.append(.init(key: key, value: value))
    }
  }
  return .object(members)
}
