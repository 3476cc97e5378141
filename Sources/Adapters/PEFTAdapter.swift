import KingletErrors
import KingletFiles
import KingletSafetensors
import KingletTransformer

// A folder as `save_pretrained` of PEFT writes it (https://github.com/huggingface/peft).

func readPEFT(_ folder: String) throws(KingletError) -> [AdapterUpdate] {
  let config = try PEFTConfig(contentsOf: "\(folder)/adapter_config.json")
  let file = try SafetensorsFile(path: "\(folder)/adapter_model.safetensors")
  var modules: [String: ModuleParts] = [:]
  for tensor in file.tensors {
    let (module, part) = try split(tensor.name)
    guard part != .base else { continue }
    let values = try file.floats(of: tensor)
    switch part {
    case .a, .embeddingA: modules[module, default: .init()].a = (values, tensor.shape)
    case .b, .embeddingB: modules[module, default: .init()].b = (values, tensor.shape)
    case .magnitude: modules[module, default: .init()].magnitude = values
    case .base: break
    }
    if part == .embeddingA { modules[module]?.isEmbedding = true }
  }
  var updates: [AdapterUpdate] = []
  for (module, parts) in modules { updates.append(try update(module, parts, config, folder)) }
  return updates
}

private enum Part { case a, b, embeddingA, embeddingB, magnitude, base }

/// A tensor's module, without what PEFT puts around the model, and what it is of it.
private func split(_ name: String) throws(KingletError) -> (module: String, Part) {
  var components = name.split(separator: ".")
  if components.starts(with: ["base_model", "model"]) { components.removeFirst(2) }
  let parts: [Substring: Part] = [
    "lora_A": .a, "lora_B": .b, "lora_embedding_A": .embeddingA, "lora_embedding_B": .embeddingB,
    "lora_magnitude_vector": .magnitude, "base_layer": .base,
  ]
  // Behind the mark come `weight` and, in some files, the name that the adapter had in memory.
  guard let index = components.lastIndex(where: { parts[$0] != nil }), let part = parts[components[index]],
    components.count - index <= 3, components.last != "bias"
  else {
    throw KingletError(
      .unsupported, "the adapter has a tensor that is no low-rank update, such as a bias or a module saved as a whole",
      at: name, remedy: "Train without `modules_to_save` and with `bias: none`, or merge the adapter into its base.")
  }
  return (components[..<index].joined(separator: "."), part)
}

private func update(
  _ module: String, _ parts: ModuleParts, _ config: PEFTConfig, _ folder: String
) throws(KingletError) -> AdapterUpdate {
  func wrong(_ message: String) -> KingletError { KingletError(.fileCorrupt, message, at: "\(folder): \(module)") }
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
    tensor: try tensorName(ofModule: module), rank: rank, a: a.values, b: b.values,
    scale: Float(config.isRankStabilized ? alpha / Double(rank).squareRoot() : alpha / Double(rank)),
    magnitude: parts.magnitude, rowOrder: .halves)
}
