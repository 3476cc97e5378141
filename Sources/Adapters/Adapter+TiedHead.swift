import KingletErrors
import KingletTransformer

extension Adapter {
  /// What it changes of a base whose embedding is, or is not, the head as well.
  public func updates(ofTied isTied: Bool) -> [AdapterUpdate] {
    guard isTied, let embedding = updateOfBoth else { return updates }
    return updates + [embedding.ofHead]
  }

  /// The update of the embedding that is one of the head too, where the base has one matrix for both: so mlx-lm applies it
  /// (`as_linear` of its `LoRAEmbedding`). Other formats name each.
  var updateOfBoth: AdapterUpdate? {
    guard format == .mlx, !updates.contains(where: { $0.tensor == "output" }) else { return nil }
    return updates.first { $0.isOfEmbedding && $0.rank > 0 }
  }

  /// The same adapter in words that all formats have: for writing it as another one.
  ///
  /// - Throws: `.invalidArgument` when it depends on the base what it means, and there is none.
  func resolved(_ base: AdapterBase?) throws(KingletError) -> Adapter {
    guard let embedding = updateOfBoth else { return self }
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
