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
    try adapter.check(architecture: description.architecture)
    for update in adapter.updates {
      for part in try separated(update) {
        do throws(KingletError) { try check(part) } catch { throw error.located(in: adapter.path) }
      }
    }
  }

  private func check(_ update: AdapterUpdate) throws(KingletError) {
    let remedy = "Use the adapter with the base model it was trained on."
    guard let (rows, columns) = shape(of: update.tensor) else {
      throw KingletError(
        .invalidArgument,
        "the adapter changes a tensor that the model does not have; it has \(description.layers.count) layers",
        at: update.tensor, remedy: remedy)
    }
    if let replacement = update.replacement {
      guard replacement.count == rows * columns else {
        throw KingletError(
          .invalidArgument, "the adapter has \(replacement.count) weights, the model \(rows) x \(columns)",
          at: update.tensor, remedy: remedy)
      }
      return
    }
    guard update.bias.map({ $0.count == rows }) ?? true else {
      throw KingletError(
        .invalidArgument, "the adapter has a bias of \(update.bias?.count ?? 0), the model has \(rows) rows",
        at: update.tensor, remedy: remedy)
    }
    if update.rank == 0, update.a.isEmpty, update.b.isEmpty, update.bias != nil { return }
    guard update.rank > 0, update.rows == rows, update.columns == columns,
      update.a.count == update.rank * (update.isOfEmbedding ? rows : columns),
      update.b.count == update.rank * (update.isOfEmbedding ? columns : rows),
      update.magnitude.map({ $0.count == rows }) ?? true
    else {
      throw KingletError(
        .invalidArgument,
        "the adapter's update of rank \(update.rank) is for \(update.rows) x \(update.columns), the model has "
          + "\(rows) x \(columns)", at: update.tensor, remedy: remedy)
    }
    if update.isOfEmbedding, update.magnitude != nil {
      throw KingletError(
        .unsupported, "a weight-decomposed (DoRA) update of embeddings is not applied", at: update.tensor)
    }
  }

  /// The updates of single matrices that one of fused matrices stands for; itself if it is of one.
  ///
  /// - Throws: `.invalidArgument`, naming both sides, when its rows are not those of the matrices.
  public func separated(_ update: AdapterUpdate) throws(KingletError) -> [AdapterUpdate] {
    let fused = ["attn_qkv": ["attn_q", "attn_k", "attn_v"], "ffn_gate_up": ["ffn_gate", "ffn_up"]]
    let parts = update.tensor.split(separator: ".").map(String.init)
    var names = parts.last.flatMap { fused[$0] }
    // What others call the two of them, for want of a second name.
    if parts.last == "ffn_up", let (rows, _) = shape(of: update.tensor), update.rows == 2 * rows {
      names = fused["ffn_gate_up"]
    }
    guard let names else { return [update] }
    let tensors = names.map { (parts.dropLast() + [$0]).joined(separator: ".") }
    let rows = tensors.map { shape(of: $0)?.rows ?? 0 }
    guard rows.allSatisfy({ $0 > 0 }), update.rank > 0, update.rows == rows.reduce(0, +) else {
      throw KingletError(
        .invalidArgument, "the adapter has \(update.rows) rows, the model \(rows.reduce(0, +))", at: update.tensor,
        remedy: "Use the adapter with the base model it was trained on.")
    }
    var first = 0
    return zip(tensors, rows).map { tensor, count in
      let own = first..<first + count
      first += count
      return AdapterUpdate(
        tensor: tensor, rank: update.rank, a: update.a,
        b: Array(update.b[own.lowerBound * update.rank..<own.upperBound * update.rank]), scale: update.scale,
        magnitude: update.magnitude.map { Array($0[own]) }, bias: update.bias.map { Array($0[own]) },
        rowOrder: update.rowOrder)
    }
  }

  private func shape(of tensor: String) -> (rows: Int, columns: Int)? {
    let name = tensor == "output" && isTied ? "token_embd.weight" : "\(tensor).weight"
    guard let dimensions = dimensions[name], dimensions.count == 2 else { return nil }
    return (dimensions[1], dimensions[0])
  }

  /// The update with its rows in the order `order` of this base; it must have passed `check`.
  public func arranged(_ update: AdapterUpdate, as order: AdapterUpdate.RowOrder) -> AdapterUpdate {
    guard update.rowOrder != order, update.replacement == nil else { return update }
    var (b, magnitude, bias) = (update.b, update.magnitude, update.bias)
    if description.rotaryPairing == .adjacent, let heads = headCount(of: update) {
      let move = order == .stored ? joined : parted
      if update.rank > 0 { b = move(b, heads, update.rank) }
      magnitude = magnitude.map { move($0, heads, 1) }
      bias = bias.map { move($0, heads, 1) }
    }
    return update.changed(b: b, magnitude: magnitude, bias: bias, rowOrder: order)
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
    bias: [Float]? = nil, rowOrder: RowOrder? = nil
  ) -> AdapterUpdate {
    AdapterUpdate(
      tensor: tensor, rank: rank ?? self.rank, a: a ?? self.a, b: b ?? self.b, scale: scale ?? self.scale,
      magnitude: magnitude ?? self.magnitude, bias: bias ?? self.bias, rowOrder: rowOrder ?? self.rowOrder)
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
