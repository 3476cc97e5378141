import KingletErrors
import KingletFiles
import KingletSafetensors
import KingletTransformer

// A folder as mlx-lm writes it (https://github.com/ml-explore/mlx-lm): y += scale (x a) b, with `lora_a` [columns, rank] and
// `lora_b` [rank, rows], and for weight-decomposed ones `m` [rows].

func readMLX(_ folder: String) throws(KingletError) -> [AdapterUpdate] {
  let path = "\(folder)/adapter_config.json"
  let config = try JSONValue(contentsOf: path)
  let kind = config["fine_tune_type"]?.string ?? "lora"
  guard kind == "lora" || kind == "dora" else {
    throw KingletError(
      .unsupported, "fine-tunings of the kind \(quoted(kind)) are no adapters", at: "\(path): fine_tune_type")
  }
  guard let scale = (config["lora_parameters"]?["scale"] ?? config["lora_layers_scale"])?.number, scale.isFinite else {
    throw KingletError(.fileCorrupt, "the scale is missing, or no number", at: "\(path): lora_parameters.scale")
  }
  let file = try SafetensorsFile(path: "\(folder)/adapters.safetensors")
  var modules: [String: ModuleParts] = [:]
  for tensor in file.tensors {
    let components = tensor.name.split(separator: ".")
    let module = components.dropLast().joined(separator: ".")
    let values = try file.floats(of: tensor)
    switch components.last {
    case "lora_a": modules[module, default: .init()].a = try transposed(values, tensor)
    case "lora_b": modules[module, default: .init()].b = try transposed(values, tensor)
    case "m" where kind == "dora": modules[module, default: .init()].magnitude = values
    default:
      throw KingletError(.unsupported, "the adapter has a tensor that is no low-rank update", at: tensor.name)
    }
  }
  var updates: [AdapterUpdate] = []
  for (module, parts) in modules {
    guard let a = parts.a, let b = parts.b, a.shape[0] == b.shape[1], (parts.magnitude != nil) == (kind == "dora")
    else {
      throw KingletError(.fileCorrupt, "the parts of the update do not belong together", at: "\(folder): \(module)")
    }
    updates.append(
      AdapterUpdate(
        tensor: try tensorName(ofModule: module), rank: a.shape[0], a: a.values, b: b.values, scale: Float(scale),
        magnitude: parts.magnitude, rowOrder: .halves))
  }
  return updates
}

private func transposed(
  _ values: [Float], _ tensor: SafetensorsTensor
) throws(KingletError) -> (values: [Float], shape: [Int]) {
  guard tensor.shape.count == 2, values.count > 0 else {
    throw KingletError(.fileCorrupt, "a factor of the shape \(tensor.shape) is no matrix", at: tensor.name)
  }
  let (rows, columns) = (tensor.shape[0], tensor.shape[1])
  return (transposed(values, rows: rows, columns: columns), [columns, rows])
}
