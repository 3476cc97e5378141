import KingletErrors
import KingletFiles
import KingletSafetensors
import KingletTransformer

// A folder as mlx-lm writes it (https://github.com/ml-explore/mlx-lm): y += scale (x a) b, with `lora_a` [columns, rank] and
// `lora_b` [rank, rows], and for weight-decomposed ones `m` [rows].

func readMLX(_ folder: String) throws(KingletError) -> [AdapterUpdate] {
  let config = try MLXConfig(contentsOf: "\(folder)/adapter_config.json")
  let file = try SafetensorsFile(path: "\(folder)/adapters.safetensors")
  var table = ModuleTable()
  do throws(KingletError) {
    for tensor in file.tensors { try table.add(tensor, of: file) }
  } catch {
    throw error.located(in: file.path)
  }
  var updates: [AdapterUpdate] = []
  for (tensor, parts) in table.modules {
    if let factor = parts[.a] ?? parts[.b], !config.adapts(parts.module) {
      throw KingletError(
        .fileCorrupt,
        "by lora_parameters.keys of adapter_config.json this module has no update, and mlx-lm leaves it out",
        at: "\(file.path): \(factor.name)", remedy: "Correct the keys, or remove the tensor.")
    }
    do throws(KingletError) { updates.append(try update(tensor, parts, config)) } catch  where error.location == nil {
      throw error.located(in: "\(folder): \(parts.module)")
    }
  }
  return updates
}

/// `adapter_config.json` of mlx-lm: what of it changes the result.
private struct MLXConfig {
  let isWeightDecomposed: Bool
  let scale: Float
  /// The modules that have updates, by their paths in their layer or in the model; nil where nothing is said.
  private let keys: [String]?

  init(contentsOf path: String) throws(KingletError) {
    let fields = try ConfigFields(contentsOf: path)
    let kind = try fields.string("fine_tune_type") ?? "lora"
    guard kind == "lora" || kind == "dora" else {
      throw fields.unsupported(
        "fine_tune_type", "fine-tunings of the kind \(quoted(kind)) are no adapters",
        remedy: "Fuse it with its base (mlx_lm.fuse), and convert the model that this makes.")
    }
    isWeightDecomposed = kind == "dora"
    let (parameters, older) = (try fields.fields("lora_parameters"), try fields.number("lora_layers_scale"))
    let number = try parameters?.number("scale") ?? older
    scale = Float(try fields.required("lora_parameters.scale", number, "the scale"))
    guard scale.isFinite else {
      throw fields.wrong("lora_parameters.scale", "the scale is beyond single precision")
    }
    keys = try parameters?.strings("keys")
  }

  /// Whether mlx-lm makes a module one with an update, before it loads the tensors and drops those without such a module.
  func adapts(_ module: String) -> Bool {
    guard let keys else { return true }
    return keys.contains(module) || PlaceInLayer(ofModule: module).map { keys.contains($0.name) } == true
  }
}

extension ModuleTable {
  fileprivate mutating func add(_ tensor: SafetensorsTensor, of file: SafetensorsFile) throws(KingletError) {
    let kinds: [Substring: ModuleParts.Kind] = ["lora_a": .a, "lora_b": .b, "m": .magnitude]
    let components = tensor.name.split(separator: ".")
    guard let last = components.last, let kind = kinds[last] else {
      throw KingletError(
        .unsupported, "the adapter has a tensor that is no low-rank update", at: tensor.name,
        remedy: "Fuse it with its base (mlx_lm.fuse), or train without this tensor.")
    }
    let module = components.dropLast().joined(separator: ".")
    let values = try AdapterTensor(tensor, of: file)
    try add(
      kind == .magnitude ? values.with(sizes: 1) : values.transposed(), as: kind, of: module,
      tensorName(ofModule: module))
  }
}

/// - Throws: Errors without a location are about the module.
private func update(
  _ tensor: String, _ parts: ModuleParts, _ config: MLXConfig
) throws(KingletError) -> AdapterUpdate {
  let factors = try FactorPair(parts, (a: "lora_a", b: "lora_b"))
  let magnitude = parts[.magnitude]
  guard (magnitude != nil) == config.isWeightDecomposed else {
    throw KingletError(
      .fileCorrupt,
      magnitude == nil
        ? "adapter_config.json says that fine_tune_type is dora, and the magnitude m of the update is missing"
        : "there is a magnitude m, and adapter_config.json does not say that fine_tune_type is dora",
      remedy: Remedy.configMismatch)
  }
  return AdapterUpdate(
    tensor: tensor, rank: factors.rank, a: factors.a, b: factors.b, scale: config.scale,
    magnitude: magnitude?.values, rowOrder: .halves)
}
