import KingletErrors
import KingletFiles
import KingletSafetensors
import KingletTransformer

// A folder as `save_pretrained` of PEFT writes it (https://github.com/huggingface/peft).

func readPEFT(_ folder: String) throws(KingletError) -> (updates: [AdapterUpdate], invocation: [Int32]) {
  let config = try PEFTConfig(contentsOf: "\(folder)/adapter_config.json")
  let file = try SafetensorsFile(path: "\(folder)/adapter_model.safetensors")
  var table = ModuleTable()
  do throws(KingletError) {
    for tensor in file.tensors { try table.add(tensor, of: file, config) }
  } catch {
    throw error.located(in: file.path)
  }
  // PEFT looks for names that end like this, and fails without.
  for name in config.modulesToSave {
    guard table.modules.contains(where: { $0.parts[.whole] != nil && $0.parts.module.hasSuffix(name) }) else {
      throw config.fields.wrong("modules_to_save", "it names \(quoted(name)), and the file has no such tensor")
    }
  }
  var updates: [AdapterUpdate] = []
  for (tensor, parts) in table.modules {
    if let factor = parts[.a] ?? parts[.b], let field = config.selection.fieldAgainst(parts.module) {
      throw KingletError(
        .fileCorrupt, "by \(field) of adapter_config.json there is no update of this module, and PEFT leaves it out",
        at: "\(file.path): \(factor.name)", remedy: "Correct \(field), or remove the tensor.")
    }
    do throws(KingletError) { updates.append(try update(tensor, parts, config)) } catch  where error.location == nil {
      throw error.located(in: "\(folder): \(parts.module)")
    }
  }
  return (updates, config.invocation)
}

extension ModuleTable {
  fileprivate mutating func add(
    _ tensor: SafetensorsTensor, of file: SafetensorsFile, _ config: PEFTConfig
  ) throws(KingletError) {
    let (module, part) = try split(tensor.name)
    let name = try tensorName(ofModule: module)
    switch part {
    case .base: try add(baseRows(tensor, of: file, name), of: module, name)
    case .part(let kind):
      if kind == .bias, !config.trainsBiases {
        throw KingletError(
          .fileCorrupt, "the adapter has a bias, adapter_config.json says that it has none", at: tensor.name,
          remedy: Remedy.configMismatch)
      }
      let values = try AdapterTensor(tensor, of: file)
      switch kind {
      case .a, .b: try add(values, as: kind, of: module, name)
      case .magnitude, .bias: try add(values.with(sizes: 1), as: kind, of: module, name)
      case .whole: try add(values.with(sizes: 2), as: kind, of: module, name)
      }
    }
  }
}

private enum Part {
  case part(ModuleParts.Kind)
  /// Weights that the base has as well.
  case base
}

/// A tensor's module, without what PEFT puts around the model, and what it is of it.
private func split(_ name: String) throws(KingletError) -> (module: String, Part) {
  var components = name.split(separator: ".")
  if components.starts(with: ["base_model", "model"]) { components.removeFirst(2) }
  let marks: [Substring: Part] = [
    "lora_A": .part(.a), "lora_B": .part(.b), "lora_embedding_A": .part(.a), "lora_embedding_B": .part(.b),
    "lora_magnitude_vector": .part(.magnitude), "base_layer": .base,
  ]
  let isBias = components.last == "bias"
  // Behind the mark come `weight` and, in some files, the name that the adapter had in memory.
  if let index = components.lastIndex(where: { marks[$0] != nil }), let part = marks[components[index]],
    components.count - index <= 3, components[index] == "base_layer" || !isBias
  {
    return (components[..<index].joined(separator: "."), isBias ? .part(.bias) : part)
  }
  let module = components.dropLast().joined(separator: ".")
  if isBias { return (module, .part(.bias)) }
  // Of what was trained as a whole (`modules_to_save`), embeddings and heads.
  if components.last == "weight", let tensor = try? tensorName(ofModule: module), !tensor.hasPrefix("blk.") {
    return (module, .part(.whole))
  }
  throw KingletError(
    .unsupported, "the adapter has a tensor that is neither a low-rank update nor an embedding or a head", at: name,
    remedy: Remedy.merge(orTrainWithout: "this tensor"))
}

/// The copy of the base's weights that PEFT saves with updates of embeddings and heads, and takes for the base's when it
/// loads the file. Those of layers it never saves.
private func baseRows(
  _ tensor: SafetensorsTensor, of file: SafetensorsFile, _ name: String
) throws(KingletError) -> BaseRows {
  guard !name.hasPrefix("blk."), tensor.shape.count == 2, tensor.elementCount > 0 else {
    throw KingletError(
      .unsupported, "the adapter has weights of its base that are neither an embedding nor a head", at: tensor.name,
      remedy: "Save the adapter without them, as save_pretrained in peft does.")
  }
  return try BaseRows(rows: tensor.shape[0], columns: tensor.shape[1]) { (row) throws(KingletError) in
    try file.floats(of: tensor, rows: row..<row + 1)
  }
}

/// - Throws: Errors without a location are about the module.
private func update(
  _ tensor: String, _ parts: ModuleParts, _ config: PEFTConfig
) throws(KingletError) -> AdapterUpdate {
  if let whole = parts[.whole] {
    guard parts[.a] == nil, parts[.b] == nil, parts[.bias] == nil else {
      throw KingletError(.fileCorrupt, "it is both updated and replaced", remedy: Remedy.saveAgain)
    }
    return AdapterUpdate(tensor: tensor, replacement: whole.values, columns: whole.shape[1], rowOrder: .halves)
  }
  let (magnitude, bias) = (parts[.magnitude], parts[.bias])
  if parts[.a] == nil, parts[.b] == nil, magnitude == nil, let bias {
    return AdapterUpdate(tensor: tensor, rank: 0, a: [], b: [], scale: 1, bias: bias.values, rowOrder: .halves)
  }
  let factors = try FactorPair(parts, (a: "lora_A", b: "lora_B"))
  let expected = config.rank(of: parts.module)
  guard factors.rank == expected else {
    throw KingletError(
      .fileCorrupt, "the factors have the rank \(factors.rank), adapter_config.json says \(expected)",
      remedy: Remedy.configMismatch)
  }
  guard (magnitude != nil) == config.isWeightDecomposed else {
    throw KingletError(
      .fileCorrupt,
      magnitude == nil
        ? "adapter_config.json says use_dora, and there is no lora_magnitude_vector"
        : "there is a lora_magnitude_vector, and adapter_config.json does not say use_dora",
      remedy: Remedy.configMismatch)
  }
  return AdapterUpdate(
    tensor: tensor, rank: factors.rank, a: factors.a, b: factors.b,
    scale: try config.scale(of: parts.module, rank: factors.rank),
    magnitude: magnitude?.values, bias: bias?.values, base: parts.base, rowOrder: .halves)
}
