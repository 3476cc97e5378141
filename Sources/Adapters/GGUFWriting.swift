import KingletErrors
import KingletGGUF
import KingletTransformer

// llama.cpp has one alpha for the file and divides it by the rank of each tensor; alpha 0 stands for the scale 1.

func writeGGUF(_ adapter: Adapter, to path: String, _ base: AdapterBase?) throws(KingletError) -> [String] {
  guard let base else {
    throw KingletError(
      .invalidArgument, "a GGUF adapter names the architecture and has the row order of its base", at: adapter.path,
      remedy: "Name the base model too (--base)")
  }
  // llama.cpp has names for fused matrices only where the base has such.
  var updates: [AdapterUpdate] = []
  for update in adapter.updates { updates += try base.separated(update) }
  for update in updates {
    let location = "\(adapter.path): \(update.tensor)"
    let remedy = "Merge the adapter into its base (kinglet lora merge)"
    guard update.magnitude == nil else {
      throw KingletError(
        .unsupported, "weight-decomposed (DoRA) updates have no place in a GGUF adapter", at: location, remedy: remedy)
    }
    guard !base.isTied || !["output", "token_embd"].contains(update.tensor) else {
      throw KingletError(
        .unsupported, "llama.cpp cannot adapt embedding and head apart where the base has one matrix for both",
        at: location, remedy: remedy)
    }
  }
  let alpha = mostFrequent(updates.map { $0.scale * Float($0.rank) }.filter { $0 != 0 })
  var writer = GGUFWriter()
  writer["general.architecture"] = .string(base.description.architecture)
  writer["general.type"] = .string("adapter")
  writer["general.name"] = .string(adapter.name)
  writer["adapter.type"] = .string("lora")
  if let alpha { writer["adapter.lora.alpha"] = .float32(alpha) }
  if !adapter.invocation.isEmpty {
    writer["adapter.alora.invocation_tokens"] = .array(GGUFArray(adapter.invocation.map { UInt32(clamping: $0) }))
  }
  writer["general.file_type"] = .uint32(0)
  writer["general.quantization_version"] = .uint32(2)
  var foldedCount = 0
  for update in updates {
    let scale = alpha.map { $0 / Float(update.rank) } ?? 1
    if update.scale != scale { foldedCount += 1 }
    let u = base.arranged(update, as: .stored).folding(Double(update.scale) / Double(scale), leaving: scale)
    let (name, inner, outer) = ("\(u.tensor).weight", u.a.count / u.rank, u.b.count / u.rank)
    // An embedding's first factor has a row for each token.
    if u.isOfEmbedding {
      try writer.addTensor(
        "\(name).lora_a", dimensions: [u.rank, inner], floats: transposed(u.a, rows: u.rank, columns: inner))
    } else {
      try writer.addTensor("\(name).lora_a", dimensions: [inner, u.rank], floats: u.a)
    }
    try writer.addTensor("\(name).lora_b", dimensions: [u.rank, outer], floats: u.b)
  }
  try writer.write(to: path)
  guard foldedCount > 0 else { return [] }
  return [
    "\(foldedCount) of \(updates.count) updates have another scale than alpha \(alpha ?? 0) over their rank: it is "
      + "folded into their B"
  ]
}

extension Adapter {
  /// Its folder's or file's name, without what comes after the last dot.
  var name: String {
    let last = path.split(separator: "/").last.map(String.init) ?? path
    return last.hasSuffix(".gguf") ? String(last.dropLast(5)) : last
  }
}
