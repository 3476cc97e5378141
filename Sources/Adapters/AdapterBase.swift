import KingletErrors
import KingletGGUF
import KingletTransformer

/// What of a base model matters to adapters: the sizes of its tensors and the order of their rows. No weight is read.
public struct AdapterBase: Sendable {
  public let path: String
  public let description: DecoderDescription
  /// Whether the embedding is the head too.
  public let isTied: Bool
  private let dimensions: [String: [Int]]

  /// - Throws: `.unsupported` for an architecture that Kinglet does not run.
  public init(_ file: GGUFFile) throws(KingletError) {
    path = file.path
    do throws(KingletError) { description = try Decoder.describe(file) } catch { throw error.located(in: file.path) }
    isTied = file.tensor(named: "output.weight") == nil
    dimensions = Dictionary(file.tensors.map { ($0.name, $0.dimensions) }) { $1 }
  }

  /// Whether an adapter belongs to this base.
  ///
  /// - Throws: `.invalidArgument`, naming both sides, for one that does not.
  public func check(_ adapter: Adapter) throws(KingletError) {
    let remedy = "Use the adapter with the base model it was trained on."
    if let architecture = adapter.architecture, architecture != description.architecture {
      throw KingletError(
        .invalidArgument,
        "the adapter is for the architecture \(architecture), the model is \(description.architecture)",
        at: adapter.path, remedy: remedy)
    }
    for update in adapter.updates {
      guard let (rows, columns) = shape(of: update.tensor) else {
        throw KingletError(
          .invalidArgument,
          "the adapter changes a tensor that the model does not have; it has "
            + "\(description.layers.count) layers", at: "\(adapter.path): \(update.tensor)", remedy: remedy)
      }
      guard update.rank > 0, update.rows == rows, update.columns == columns,
        update.a.count == update.rank * (update.isOfEmbedding ? rows : columns),
        update.b.count == update.rank * (update.isOfEmbedding ? columns : rows),
        update.magnitude.map({ $0.count == rows }) ?? true
      else {
        throw KingletError(
          .invalidArgument,
          "the adapter's update of rank \(update.rank) is for \(update.rows) x \(update.columns), the model has "
            + "\(rows) x \(columns)", at: "\(adapter.path): \(update.tensor)", remedy: remedy)
      }
      if update.isOfEmbedding, update.magnitude != nil {
        throw KingletError(
          .unsupported, "a weight-decomposed (DoRA) update of embeddings is not applied",
          at: "\(adapter.path): \(update.tensor)")
      }
    }
  }

  private func shape(of tensor: String) -> (rows: Int, columns: Int)? {
    let name = tensor == "output" && isTied ? "token_embd.weight" : "\(tensor).weight"
    guard let dimensions = dimensions[name], dimensions.count == 2 else { return nil }
    return (dimensions[1], dimensions[0])
  }

  /// The update with its rows in the order `order` of this base; it must have passed `check`.
  public func arranged(_ update: AdapterUpdate, as order: AdapterUpdate.RowOrder) -> AdapterUpdate {
    guard update.rowOrder != order else { return update }
    var (b, magnitude) = (update.b, update.magnitude)
    if description.rotaryPairing == .adjacent, let heads = headCount(of: update) {
      let move = order == .stored ? joined : parted
      b = move(b, heads, update.rank)
      magnitude = magnitude.map { move($0, heads, 1) }
    }
    return update.changed(b: b, magnitude: magnitude, rowOrder: order)
  }

  private func headCount(of update: AdapterUpdate) -> Int? {
    guard update.isRotated else { return nil }
    return update.tensor.hasSuffix(".attn_q") ? description.headCount : description.keyHeadCount
  }
}

extension AdapterUpdate {
  var isOfEmbedding: Bool { tensor == "token_embd" }

  /// Whether the order of its rows matters.
  var isRotated: Bool { tensor.hasSuffix(".attn_q") || tensor.hasSuffix(".attn_k") }

  /// Rows of the tensor it changes.
  public var rows: Int { (isOfEmbedding ? a : b).count / max(1, rank) }
  /// Length of a row of the tensor it changes.
  public var columns: Int { (isOfEmbedding ? b : a).count / max(1, rank) }

  /// The same update with B multiplied by `factor`, for formats that cannot have its scale.
  func folding(_ factor: Double, leaving scale: Float) -> AdapterUpdate {
    changed(b: factor == 1 ? b : b.map { Float(Double($0) * factor) }, scale: scale)
  }

  /// The same update with other numbers where they are given.
  func changed(
    rank: Int? = nil, a: [Float]? = nil, b: [Float]? = nil, scale: Float? = nil, magnitude: [Float]? = nil,
    rowOrder: RowOrder? = nil
  ) -> AdapterUpdate {
    AdapterUpdate(
      tensor: tensor, rank: rank ?? self.rank, a: a ?? self.a, b: b ?? self.b, scale: scale ?? self.scale,
      magnitude: magnitude ?? self.magnitude, rowOrder: rowOrder ?? self.rowOrder)
  }
}

/// Rows of each head, those of its halves by turns, as GGUF has them for models whose rotated pairs are adjacent.
private func joined(_ values: [Float], heads: Int, rowLength: Int) -> [Float] {
  moved(values, heads: heads, rowLength: rowLength) { place, half in place % 2 * half + place / 2 }
}

/// The reverse: the rows at even places, then those at odd ones.
private func parted(_ values: [Float], heads: Int, rowLength: Int) -> [Float] {
  moved(values, heads: heads, rowLength: rowLength) { place, half in place % half * 2 + place / half }
}

private func moved(
  _ values: [Float], heads: Int, rowLength: Int, from source: (_ place: Int, _ half: Int) -> Int
) -> [Float] {
  let size = values.count / rowLength / heads
  guard size >= 2, size % 2 == 0 else { return values }
  return (0..<heads * size).flatMap { row in
    let first = (row / size * size + source(row % size, size / 2)) * rowLength
    return values[first..<first + rowLength]
  }
}
