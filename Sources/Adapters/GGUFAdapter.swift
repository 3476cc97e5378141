import KingletErrors
import KingletFiles
import KingletGGUF
import KingletQuants
import KingletTransformer

// A file as `convert_lora_to_gguf.py` of llama.cpp writes it: `NAME.lora_a` [rank, columns] and `NAME.lora_b` [rows, rank] by
// the names, and in the row order, of the base's GGUF file. The scale is alpha over the rank of each tensor, or 1 without
// alpha.

func readGGUF(
  _ path: String
) throws(KingletError) -> (architecture: String?, updates: [AdapterUpdate], invocation: [Int32]) {
  let file = try GGUFFile(path: path)
  guard try file.metadata.string("general.type") == "adapter" else {
    throw KingletError(.invalidArgument, "the file is a model, not an adapter", at: path)
  }
  let kind = try file.metadata.string("adapter.type") ?? "lora"
  guard kind == "lora" else {
    throw KingletError(
      .unsupported, "adapters of the kind \(quoted(kind)) are not applied", at: "\(path): adapter.type")
  }
  let known: Set<String> = [
    "adapter.type", "adapter.lora.alpha", "adapter.lora.task_name", "adapter.lora.prompt_prefix",
    "adapter.alora.invocation_tokens",
  ]
  if let other = file.metadata.keys.first(where: { $0.hasPrefix("adapter.") && !known.contains($0) }) {
    throw KingletError(.unsupported, "the adapter uses a setting that Kinglet does not apply", at: "\(path): \(other)")
  }
  let alpha = try file.metadata.float("adapter.lora.alpha") ?? 0
  var modules: [String: ModuleParts] = [:]
  for tensor in file.tensors {
    let (a, b) = (".weight.lora_a", ".weight.lora_b")
    let isA = tensor.name.hasSuffix(a)
    guard isA || tensor.name.hasSuffix(b), tensor.dimensions.count == 2 else {
      throw KingletError(.unsupported, "the adapter has a tensor that is no low-rank update", at: tensor.name)
    }
    let module = String(tensor.name.dropLast(a.count))
    let part = (values: try floats(of: tensor, file), shape: [tensor.dimensions[1], tensor.dimensions[0]])
    if isA { modules[module, default: .init()].a = part } else { modules[module, default: .init()].b = part }
  }
  var updates: [AdapterUpdate] = []
  for (module, parts) in modules {
    guard var a = parts.a, let b = parts.b else {
      throw KingletError(.fileCorrupt, "one of the two factors of the update is missing", at: module)
    }
    // An embedding's first factor has a row for each token.
    if module == "token_embd" {
      let (tokens, rank) = (a.shape[0], a.shape[1])
      a = (transposed(a.values, rows: tokens, columns: rank), [rank, tokens])
    }
    guard a.shape[0] == b.shape[1], a.shape[0] > 0 else {
      throw KingletError(
        .fileCorrupt, "factors of the shapes \(a.shape) and \(b.shape) do not belong together", at: module)
    }
    updates.append(
      AdapterUpdate(
        tensor: module, rank: a.shape[0], a: a.values, b: b.values,
        scale: alpha == 0 ? 1 : alpha / Float(a.shape[0]), rowOrder: .stored))
  }
  let invocation = try file.metadata.integers("adapter.alora.invocation_tokens") ?? []
  return (try file.metadata.string("general.architecture"), updates, invocation.map { Int32(clamping: $0) })
}

private func floats(of tensor: GGUFTensor, _ file: GGUFFile) throws(KingletError) -> [Float] {
  guard let values = file.withBytes(of: tensor, tensor.type.floats) else {
    throw KingletError(.unsupported, "values of type \(tensor.type.name) cannot be used", at: tensor.name)
  }
  return values
}
