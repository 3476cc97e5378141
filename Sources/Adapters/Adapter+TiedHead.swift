import KingletErrors
import KingletTransformer

extension Adapter {
  /// What it changes of a base whose embedding is, or is not, the head as well.
  ///
  /// Where it is, mlx-lm applies an update of the embedding to both (`as_linear` of its `LoRAEmbedding`), so that it is one
  /// of the head too; other formats name each.
  public func updates(ofTied isTied: Bool) -> [AdapterUpdate] {
    guard isTied, format == .mlx, !updates.contains(where: { $0.tensor == "output" }),
      let embedding = updates.first(where: \.isOfEmbedding), embedding.rank > 0
    else { return updates }
    return updates + [embedding.ofHead]
  }

  /// The same adapter in words that all formats have: for writing it as another one.
  ///
  /// - Throws: `.invalidArgument` when it depends on the base what it means, and there is none.
  func resolved(_ base: AdapterBase?) throws(KingletError) -> Adapter {
    guard format == .mlx, let embedding = updates.first(where: \.isOfEmbedding),
      !updates.contains(where: { $0.tensor == "output" })
    else { return self }
    guard let base else {
      throw KingletError(
        .invalidArgument, "whether it changes the head too depends on whether the base has a head of its own",
        at: "\(path): \(embedding.tensor)", remedy: "Name the base model too (--base)")
    }
    return Adapter(self, updates: updates(ofTied: base.isTied))
  }
}

extension AdapterUpdate {
  /// An embedding's update as one of the head, which is the same matrix: its factors change places.
  fileprivate var ofHead: AdapterUpdate {
    AdapterUpdate(
      tensor: "output", rank: rank, a: transposed(b, rows: b.count / rank, columns: rank),
      b: transposed(a, rows: rank, columns: a.count / rank), scale: scale, rowOrder: rowOrder)
  }
}
