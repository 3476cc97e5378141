import KingletErrors
import KingletFiles
import KingletSafetensors
import KingletTransformer

// A folder as `save_pretrained` of PEFT writes it (https://github.com/huggingface/peft).

func readPEFT(_ folder: String) throws(KingletError) -> (updates: [AdapterUpdate], invocation: [Int32]) {
  let config = try PEFTConfig(contentsOf: "\(folder)/adapter_config.json")
  let file = try SafetensorsFile(path: "\(folder)/adapter_model.safetensors")
  var modules: [String: ModuleParts] = [:]
  for tensor in file.tensors {
    let (module, part) = try split(tensor.name)
    // What the base has as well, and nobody trained.
    if part == .base || part == .baseBias && !config.trainsBiases { continue }
    let values = try file.floats(of: tensor)
    switch part {
    case .a: modules[module, default: .init()].a = (values, tensor.shape)
    case .b: modules[module, default: .init()].b = (values, tensor.shape)
    case .magnitude: modules[module, default: .init()].magnitude = values
    case .bias where !config.trainsBiases:
      throw KingletError(
        .fileCorrupt, "the adapter has a bias, adapter_config.json says that it has none", at: tensor.name)
    case .bias, .baseBias: modules[module, default: .init()].bias = values
    case .whole: modules[module, default: .init()].replacement = values
    case .base: break
    }
  }
  var updates: [AdapterUpdate] = []
  for (module, parts) in modules { updates.append(try update(module, parts, config, folder)) }
  return (updates, config.invocation)
}

private enum Part { case a, b, magnitude, bias, base, baseBias, whole }

/// A tensor's module, without what PEFT puts around the model, and what it is of it.
private func split(_ name: String) throws(KingletError) -> (module: String, Part) {
  var components = name.split(separator: ".")
  if components.starts(with: ["base_model", "model"]) { components.removeFirst(2) }
  let parts: [Substring: Part] = [
    "lora_A": .a, "lora_B": .b, "lora_embedding_A": .a, "lora_embedding_B": .b, "lora_magnitude_vector": .magnitude,
    "base_layer": .base,
  ]
  let isBias = components.last == "bias"
  // Behind the mark come `weight` and, in some files, the name that the adapter had in memory.
  if let index = components.lastIndex(where: { parts[$0] != nil }), let part = parts[components[index]],
    components.count - index <= 3, part == .base || !isBias
  {
    return (components[..<index].joined(separator: "."), isBias ? .baseBias : part)
  }
  let module = components.dropLast().joined(separator: ".")
  if isBias { return (module, .bias) }
  // Of what was trained as a whole (`modules_to_save`), embeddings and heads.
  if components.last == "weight", let tensor = try? tensorName(ofModule: module), !tensor.hasPrefix("blk.") {
    return (module, .whole)
  }
  throw KingletError(
    .unsupported, "the adapter has a tensor that is neither a low-rank update nor an embedding or a head", at: name,
    remedy: "Merge the adapter into its base, or train without this tensor.")
}

private func update(
  _ module: String, _ parts: ModuleParts, _ config: PEFTConfig, _ folder: String
) throws(KingletError) -> AdapterUpdate {
  func wrong(_ message: String) -> KingletError { KingletError(.fileCorrupt, message, at: "\(folder): \(module)") }
  let tensor = try tensorName(ofModule: module)
  if let replacement = parts.replacement {
    guard parts.a == nil, parts.b == nil, parts.bias == nil else { throw wrong("it is both updated and replaced") }
    return AdapterUpdate(tensor: tensor, replacement: replacement, rowOrder: .halves)
  }
  if parts.a == nil, parts.b == nil, parts.magnitude == nil, let bias = parts.bias {
    return AdapterUpdate(tensor: tensor, rank: 0, a: [], b: [], scale: 1, bias: bias, rowOrder: .halves)
  }
  guard let a = parts.a, let b = parts.b else { throw wrong("one of the two factors of the update is missing") }
  guard a.shape.count == 2, b.shape.count == 2, a.shape[0] == b.shape[1] else {
    throw wrong("factors of the shapes \(a.shape) and \(b.shape) do not belong together")
  }
  let rank = a.shape[0]
  let expected = try config.rank(of: module)
  guard rank == expected, rank > 0 else {
    throw wrong("the factors have the rank \(rank), adapter_config.json says \(expected)")
  }
  guard (parts.magnitude != nil) == config.isWeightDecomposed else {
    throw wrong("use_dora and the presence of a magnitude contradict each other")
  }
  let alpha = try config.alpha(of: module)
  return AdapterUpdate(
    tensor: tensor, rank: rank, a: a.values, b: b.values,
    scale: Float(config.isRankStabilized ? alpha / Double(rank).squareRoot() : alpha / Double(rank)),
    magnitude: parts.magnitude, bias: parts.bias, rowOrder: .halves)
}
