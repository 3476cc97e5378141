import KingletErrors

extension AdapterUpdate {
  /// Tensors that names of adapters mean together, one below another.
  private static let fusedTensors = [
    "attn_qkv": ["attn_q", "attn_k", "attn_v"], "ffn_gate_up": ["ffn_gate", "ffn_up"],
  ]

  package var isOfEmbedding: Bool { tensor == "token_embd" }
  /// Rows of the tensor it changes.
  public var rows: Int {
    replacement.map { $0.count / max(1, replacementColumns) } ?? (isOfEmbedding ? a : b).count / max(1, rank)
  }
  /// Length of a row of the tensor it changes.
  public var columns: Int {
    replacement == nil ? (isOfEmbedding ? b : a).count / max(1, rank) : replacementColumns
  }

  /// Whether the order of its rows matters.
  package var isRotated: Bool { tensor.hasSuffix(".attn_q") || tensor.hasSuffix(".attn_k") }

  /// The updates of single tensors that one of fused tensors stands for, with the same A; itself if it is of one, or of
  /// tensors that the model does not have.
  ///
  /// - Parameter shape: Rows and columns of a tensor of the model, by its name; nil for one it does not have.
  /// - Throws: `.invalidArgument`, naming both sides, when its rows are not those of the tensors.
  package func separated(
    _ shape: (String) -> (rows: Int, columns: Int)?
  ) throws(KingletError) -> [AdapterUpdate] {
    let path = tensor.split(separator: ".").map(String.init)
    var names = path.last.flatMap { Self.fusedTensors[$0] }
    // What files of fused models call both, for want of a second name.
    if path.last == "ffn_up", let single = shape(tensor), rows == 2 * single.rows {
      names = Self.fusedTensors["ffn_gate_up"]
    }
    guard let names else { return [self] }
    let tensors = names.map { (path.dropLast() + [$0]).joined(separator: ".") }
    let shapes = tensors.compactMap(shape)
    guard shapes.count == tensors.count else { return [self] }
    let total = shapes.reduce(0) { $0 + $1.rows }
    try check(rows: total, columns: shapes[0].columns)
    var first = 0
    return zip(tensors, shapes).map { tensor, shape in
      let own = first..<first + shape.rows
      first += shape.rows
      return AdapterUpdate(
        tensor: tensor, rank: rank, a: a, b: Array(b[own.lowerBound * rank..<own.upperBound * rank]), scale: scale,
        magnitude: magnitude.map { Array($0[own]) }, bias: bias.map { Array($0[own]) }, rowOrder: rowOrder)
    }
  }

  /// Whether it is for a tensor of this size.
  ///
  /// - Throws: `.invalidArgument`, naming both sides, when it is not; `.unsupported` for what no tensor takes.
  package func check(rows count: Int, columns width: Int) throws(KingletError) {
    func wrong(_ message: String) -> KingletError {
      KingletError(
        .invalidArgument, message, at: tensor, remedy: "Use the adapter with the base model it was trained on.")
    }
    if let replacement {
      guard replacement.count == count * width, replacementColumns == width else {
        throw wrong("the adapter has \(rows) x \(columns) weights, the model \(count) x \(width)")
      }
      return
    }
    if isOfEmbedding, rank == 0 || magnitude != nil || bias != nil {
      throw KingletError(
        .unsupported, "only plain low-rank updates of embeddings are applied, without magnitudes (DoRA) and biases",
        at: tensor, remedy: "Merge the adapter into its base with what trained it, or train without the embedding.")
    }
    guard rank >= 0, a.count == rank * (isOfEmbedding ? count : width),
      b.count == rank * (isOfEmbedding ? width : count), rank > 0 || bias != nil
    else {
      throw wrong(
        "the adapter's update of rank \(rank) is for \(rows) x \(columns), the model has \(count) x \(width)")
    }
    for (values, name) in [(magnitude, "magnitudes"), (bias, "biases")] {
      guard let values, values.count != count else { continue }
      throw wrong("the adapter has \(values.count) \(name), the model \(count) rows")
    }
  }

  /// The update with its rows in another order.
  ///
  /// - Parameter heads: Of the tensor, in models whose rotated pairs are adjacent, if it is rotated; nil where both orders
  ///   are the same.
  package func arranged(_ order: RowOrder, heads: Int?) -> AdapterUpdate {
    guard rowOrder != order, replacement == nil else { return self }
    var (b, magnitude, bias) = (b, magnitude, bias)
    if let heads, isRotated {
      let move = order == .stored ? joined : parted
      if rank > 0 { b = move(b, heads, rank) }
      magnitude = magnitude.map { move($0, heads, 1) }
      bias = bias.map { move($0, heads, 1) }
    }
    return changed(b: b, magnitude: magnitude, bias: bias, rowOrder: order)
  }

  /// The same low-rank update with other numbers where they are given.
  package func changed(
    rank: Int? = nil, a: [Float]? = nil, b: [Float]? = nil, scale: Float? = nil, magnitude: [Float]? = nil,
    bias: [Float]? = nil, rowOrder: RowOrder? = nil
  ) -> AdapterUpdate {
    AdapterUpdate(
      tensor: tensor, rank: rank ?? self.rank, a: a ?? self.a, b: b ?? self.b, scale: scale ?? self.scale,
      magnitude: magnitude ?? self.magnitude, bias: bias ?? self.bias, base: base,
      rowOrder: rowOrder ?? self.rowOrder)
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

/// `[columns, rows]` of `[rows, columns]`.
package func transposed(_ values: [Float], rows: Int, columns: Int) -> [Float] {
  guard rows > 0, columns > 0 else { return [] }
  var result = [Float](repeating: 0, count: rows * columns)
  for row in 0..<rows {
    for column in 0..<columns { result[column * rows + row] = values[row * columns + column] }
  }
  return result
}
