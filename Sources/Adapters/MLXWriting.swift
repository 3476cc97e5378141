import KingletErrors
import KingletFiles
import KingletSafetensors
import KingletTransformer

// mlx-lm makes the modules that `keys` and `num_layers` name, all of one rank and one scale, and then loads the tensors:
// other scales are folded into B, and smaller ranks filled up with zeros, which add nothing.

func writeMLX(_ adapter: Adapter, to path: String, _ base: AdapterBase?) throws(KingletError) -> [String] {
  try refuseTied(adapter, base)
  let isWeightDecomposed = try adapter.isWeightDecomposed()
  var modules = try adapter.modules(base)
  let rank = modules.map(\.update.rank).max() ?? 1
  let scale = mostFrequent(modules.map(\.update.scale).filter { $0 != 0 }) ?? 1
  var notes: [String] = []
  let folded = modules.filter { $0.update.scale != scale }
  if !folded.isEmpty {
    notes.append(
      "\(folded.count) of \(modules.count) updates have another scale than \(scale): it is folded into their B")
  }
  let narrow = modules.filter { $0.update.rank != rank }
  if !narrow.isEmpty {
    notes.append("\(narrow.count) of \(modules.count) updates have a rank below \(rank): they are filled up with zeros")
  }
  modules = modules.map { module in
    ModuleUpdate(
      module: module.module,
      update: module.update.folding(Double(module.update.scale) / Double(scale), leaving: scale).widened(to: rank))
  }
  let config = JSONValue.object([
    "model": adapter.baseName == .null ? nil : adapter.baseName,
    "fine_tune_type": .string(isWeightDecomposed ? "dora" : "lora"),
    // All of them: modules without tensors stay as they were made, without effect.
    "num_layers": .integer(-1),
    "lora_parameters": .object([
      "rank": .integer(rank), "scale": .exact(Double(scale)), "dropout": .number(0),
      "keys": .array(Set(modules.map(\.nameInLayer)).sorted().map { .string($0) }),
    ]),
  ])
  var writer = SafetensorsWriter()
  writer.metadata["format"] = "mlx"
  let storage = FloatStorage(modules.flatMap { [$0.update.a, $0.update.b, $0.update.magnitude ?? []] })
  for module in modules {
    let (u, name) = (module.update, module.module)
    let (inner, outer) = (u.a.count / rank, u.b.count / rank)
    try storage.add(
      "\(name).lora_a", shape: [inner, rank], transposed(u.a, rows: rank, columns: inner), to: &writer)
    try storage.add(
      "\(name).lora_b", shape: [rank, outer], transposed(u.b, rows: outer, columns: rank), to: &writer)
    if let magnitude = u.magnitude {
      try storage.add("\(name).m", shape: [magnitude.count], magnitude, to: &writer)
    }
  }
  let folder = try ReplacementFolder(at: path)
  try writer.write(to: folder.place(of: "adapters.safetensors"))
  try folder.write(config.text, as: "adapter_config.json")
  try folder.commit()
  return notes
}

/// Where embedding and head are one matrix, mlx-lm has no head to adapt, and applies an update of the embedding to both.
private func refuseTied(_ adapter: Adapter, _ base: AdapterBase?) throws(KingletError) {
  guard adapter.updateOfBoth == nil,
    let update = adapter.updates.first(where: { ["output", "token_embd"].contains($0.tensor) })
  else { return }
  guard let base else {
    throw KingletError(
      .invalidArgument, "whether MLX can apply it depends on whether the base has a head of its own",
      at: "\(adapter.path): \(update.tensor)", remedy: "Name the base model too (--base)")
  }
  guard base.isTied else { return }
  throw KingletError(
    .unsupported, "MLX cannot adapt embedding and head apart where the base has one matrix for both",
    at: "\(adapter.path): \(update.tensor)", remedy: "Merge the adapter into its base (kinglet lora merge)")
}

extension AdapterUpdate {
  /// The same with zeros for the ranks that are missing.
  fileprivate func widened(to wide: Int) -> AdapterUpdate {
    guard rank < wide else { return self }
    let (columns, rows) = (a.count / rank, b.count / rank)
    var (wideA, wideB) = (a, [Float](repeating: 0, count: rows * wide))
    wideA.append(contentsOf: repeatElement(0, count: (wide - rank) * columns))
    for row in 0..<rows {
      for k in 0..<rank { wideB[row * wide + k] = b[row * rank + k] }
    }
    return changed(rank: wide, a: wideA, b: wideB)
  }
}
