import KingletErrors
import KingletFiles
import KingletGGUF
import KingletTransformer

// A file as `convert_lora_to_gguf.py` of llama.cpp writes it: `NAME.lora_a` [rank, columns] and `NAME.lora_b` [rows, rank] by
// the names, and in the row order, of the base's GGUF file. The scale is alpha over the rank of each tensor, or 1 without
// alpha.

func readGGUF(
  _ path: String
) throws(KingletError) -> (architecture: String?, updates: [AdapterUpdate], invocation: [Int32]) {
  let file = try GGUFFile(path: path)
  guard try file.metadata.string("general.type") == "adapter" else {
    throw KingletError(
      .invalidArgument, "the file is a model, not an adapter", at: path,
      remedy: "Give the folder or the GGUF file of an adapter.")
  }
  let kind = try file.metadata.string("adapter.type") ?? "lora"
  guard kind == "lora" else {
    throw KingletError(
      .unsupported, "adapters of the kind \(quoted(kind)) are not applied", at: "\(path): adapter.type",
      remedy: "Merge the adapter into its base with what trained it.")
  }
  let known: Set<String> = [
    "adapter.type", "adapter.lora.alpha", "adapter.lora.task_name", "adapter.lora.prompt_prefix",
    "adapter.alora.invocation_tokens",
  ]
  if let other = file.metadata.keys.first(where: { $0.hasPrefix("adapter.") && !known.contains($0) }) {
    throw KingletError(
      .unsupported, "the adapter uses a setting that Kinglet does not apply", at: "\(path): \(other)",
      remedy: Remedy.merge(orTrainWithout: "this setting"))
  }
  let alpha = try file.metadata.float("adapter.lora.alpha") ?? 0
  guard alpha.isFinite else {
    throw file.metadata.corrupt("adapter.lora.alpha", "the value must be a finite number")
  }
  var updates: [AdapterUpdate] = []
  do throws(KingletError) {
    var table = ModuleTable()
    for tensor in file.tensors { try table.add(tensor, of: file) }
    for (tensor, parts) in table.modules { updates.append(try update(tensor, parts, alpha: alpha)) }
  } catch {
    throw error.located(in: path)
  }
  var invocation: [Int32] = []
  for token in try file.metadata.integers("adapter.alora.invocation_tokens") ?? [] {
    guard let id = Int32(exactly: token) else {
      throw file.metadata.corrupt("adapter.alora.invocation_tokens", "\(token) is no token")
    }
    invocation.append(id)
  }
  return (try file.metadata.string("general.architecture"), updates, invocation)
}

extension ModuleTable {
  fileprivate mutating func add(_ tensor: GGUFTensor, of file: GGUFFile) throws(KingletError) {
    let kinds: [(String, ModuleParts.Kind)] = [(".weight.lora_a", .a), (".weight.lora_b", .b)]
    guard let (suffix, kind) = kinds.first(where: { tensor.name.hasSuffix($0.0) }) else {
      throw KingletError(
        .unsupported, "the adapter has a tensor that is no low-rank update", at: tensor.name,
        remedy: Remedy.merge(orTrainWithout: "this tensor"))
    }
    let module = String(tensor.name.dropLast(suffix.count))
    let values = try AdapterTensor(tensor, of: file).with(sizes: 2)
    // An embedding's first factor has a row for each token.
    try add(module == "token_embd" && kind == .a ? values.transposed() : values, as: kind, of: module, module)
  }
}

private func update(_ tensor: String, _ parts: ModuleParts, alpha: Float) throws(KingletError) -> AdapterUpdate {
  do throws(KingletError) {
    let factors = try FactorPair(parts, (a: "lora_a", b: "lora_b"))
    return AdapterUpdate(
      tensor: tensor, rank: factors.rank, a: factors.a, b: factors.b,
      scale: alpha == 0 ? 1 : alpha / Float(factors.rank), rowOrder: .stored)
  } catch {
    throw error.located(in: tensor)
  }
}
