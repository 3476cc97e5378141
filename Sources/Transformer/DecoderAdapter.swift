import KingletErrors
import KingletTensors

/// What an adapter file says of one tensor of a model, before it has met one.
public struct AdapterUpdate: Sendable {
  /// In which order the rows of `b` and `magnitude` are, where rotated pairs matter (queries and keys).
  public enum RowOrder: Sendable {
    /// As the GGUF file of the base has them.
    case stored
    /// As Hugging Face has them: the halves of a head are rotated against each other.
    case halves
  }

  /// The tensor's name without `.weight`, such as `blk.3.attn_q`, `token_embd` or `output`.
  public let tensor: String
  public let rank: Int
  /// `[rank, columns]`, row by row; of an embedding `[rank, tokens]`.
  public let a: [Float]
  /// `[rows, rank]`, row by row; of an embedding `[columns, rank]`.
  public let b: [Float]
  public let scale: Float
  /// Of weight-decomposed adapters (DoRA): the length of each row of the sum; nil for others.
  public let magnitude: [Float]?
  public let rowOrder: RowOrder

  public init(
    tensor: String, rank: Int, a: [Float], b: [Float], scale: Float, magnitude: [Float]? = nil, rowOrder: RowOrder
  ) {
    self.tensor = tensor
    self.rank = rank
    self.a = a
    self.b = b
    self.scale = scale
    self.magnitude = magnitude
    self.rowOrder = rowOrder
  }
}

/// An adapter that has been made ready for one decoder: low-rank updates of its matrices, which stay as they are.
///
/// `Sendable` and to be shared by any number of sequences.
public final class DecoderAdapter: Sendable {
  /// The matrices of a layer.
  enum Role: String, CaseIterable {
    case query = "attn_q"
    case key = "attn_k"
    case value = "attn_v"
    case output = "attn_output"
    case gate = "ffn_gate"
    case up = "ffn_up"
    case down = "ffn_down"
  }

  let layers: [[Role: LowRankUpdate]]
  let head: LowRankUpdate?
  let embedding: EmbeddingUpdate?
  /// The identity of the decoder's weights.
  let owner: ObjectIdentifier
  /// Bytes of memory.
  public let byteCount: Int

  init(
    layers: [[Role: LowRankUpdate]], head: LowRankUpdate?, embedding: EmbeddingUpdate?, owner: ObjectIdentifier
  ) {
    self.layers = layers
    self.head = head
    self.embedding = embedding
    self.owner = owner
    byteCount =
      layers.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.byteCount } } + (head?.byteCount ?? 0)
      + (embedding?.byteCount ?? 0)
  }

  /// The adapter with another strength: 1 as it was trained, 0 as if it were not there.
  public func scaled(_ strength: Float) -> AppliedAdapter { AppliedAdapter(self, strength: strength) }
}

/// An adapter and how strongly it is applied. Several of them on one sequence add up.
public struct AppliedAdapter: Sendable, Equatable {
  public let adapter: DecoderAdapter
  public let strength: Float

  public init(_ adapter: DecoderAdapter, strength: Float = 1) {
    self.adapter = adapter
    self.strength = strength
  }

  public static func == (a: AppliedAdapter, b: AppliedAdapter) -> Bool {
    a.adapter === b.adapter && a.strength == b.strength
  }
}

extension Decoder {
  /// Makes an adapter ready for this decoder.
  ///
  /// - Throws: `.invalidArgument`, naming the tensor and both sides, for an update that does not fit the model.
  public func adapter(_ updates: [AdapterUpdate]) throws(KingletError) -> DecoderAdapter {
    var layers = [[DecoderAdapter.Role: LowRankUpdate]](repeating: [:], count: blocks.count)
    var head: LowRankUpdate?
    var embedding: EmbeddingUpdate?
    for update in updates {
      switch update.tensor {
      case "output": head = try lowRank(update, of: weights.head)
      case "token_embd": embedding = try self.embedding(update)
      default:
        let parts = update.tensor.split(separator: ".")
        guard parts.count == 3, parts[0] == "blk", let layer = Int(parts[1]),
          let role = DecoderAdapter.Role(rawValue: String(parts[2]))
        else {
          throw KingletError(
            .unsupported, "the adapter changes a tensor that Kinglet does not adapt", at: update.tensor)
        }
        guard blocks.indices.contains(layer) else {
          throw KingletError(
            .invalidArgument, "the adapter has a layer \(layer), the model has \(blocks.count) layers",
            at: update.tensor, remedy: "Use the adapter with the base model it was trained on.")
        }
        layers[layer][role] = try lowRank(update, of: blocks[layer].weights[role], role)
      }
    }
    return DecoderAdapter(layers: layers, head: head, embedding: embedding, owner: weightsIdentity)
  }

  /// The same for all decoders that share their weights.
  var weightsIdentity: ObjectIdentifier { ObjectIdentifier(weights.head) }

  private func lowRank(
    _ u: AdapterUpdate, of matrix: PackedMatrix, _ role: DecoderAdapter.Role? = nil
  ) throws(KingletError) -> LowRankUpdate {
    guard u.rank > 0, u.a.count == u.rank * matrix.columns, u.b.count == u.rank * matrix.rows,
      u.magnitude.map({ $0.count == matrix.rows }) ?? true
    else {
      throw KingletError(
        .invalidArgument,
        "the adapter's update of rank \(u.rank) is for \(u.b.count / max(1, u.rank)) x \(u.a.count / max(1, u.rank)), the "
          + "model has \(matrix.rows) x \(matrix.columns)", at: u.tensor,
        remedy: "Use the adapter with the base model it was trained on.")
    }
    var (b, magnitude) = (u.b, u.magnitude)
    if u.rowOrder == .halves, description.rotaryPairing == .adjacent, role == .query || role == .key {
      let heads = role == .query ? description.headCount : description.keyHeadCount
      b = paired(b, heads: heads, rowLength: u.rank)
      magnitude = magnitude.map { paired($0, heads: heads, rowLength: 1) }
    }
    return try LowRankUpdate(
      a: u.a, b: b, rank: u.rank, scale: u.scale,
      rowScales: magnitude.map { rowScales($0, matrix, a: u.a, b: b, rank: u.rank, scale: u.scale) }, table: table)
  }

  private func embedding(_ u: AdapterUpdate) throws(KingletError) -> EmbeddingUpdate {
    let (tokens, columns) = (weights.embedding.rows, weights.embedding.columns)
    guard u.magnitude == nil else {
      throw KingletError(.unsupported, "a weight-decomposed (DoRA) update of embeddings is not applied", at: u.tensor)
    }
    guard u.rank > 0, u.a.count == u.rank * tokens, u.b.count == u.rank * columns else {
      throw KingletError(
        .invalidArgument,
        "the adapter's update of rank \(u.rank) is for \(u.a.count / max(1, u.rank)) tokens of \(u.b.count / max(1, u.rank)), "
          + "the model has \(tokens) of \(columns)", at: u.tensor,
        remedy: "Use the adapter with the base model it was trained on.")
    }
    let transposed = (0..<tokens).flatMap { token in (0..<u.rank).map { u.a[$0 * tokens + token] } }
    return try EmbeddingUpdate(a: transposed, b: u.b, rank: u.rank, scale: u.scale, table: table)
  }

  /// Rows of each head, those of its halves by turns, as GGUF has them for models whose rotated pairs are adjacent.
  private func paired(_ values: [Float], heads: Int, rowLength: Int) -> [Float] {
    let size = values.count / rowLength / heads
    return (0..<heads * size).flatMap { row in
      let (head, place) = (row / size, row % size)
      let source = head * size + place % 2 * (size / 2) + place / 2
      return values[source * rowLength..<(source + 1) * rowLength]
    }
  }

  /// Magnitude over the length of the row of W + scale B A.
  private func rowScales(
    _ magnitude: [Float], _ matrix: PackedMatrix, a: [Float], b: [Float], rank: Int, scale: Float
  ) -> [Float] {
    magnitude.indices.map { row in
      var sum = matrix.unpack(rows: row..<row + 1).map(Double.init)
      for k in 0..<rank {
        let factor = Double(scale) * Double(b[row * rank + k])
        for column in sum.indices { sum[column] += factor * Double(a[k * matrix.columns + column]) }
      }
      let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return length > 0 ? Float(Double(magnitude[row]) / length) : 1
    }
  }
}

extension DecoderBlock.Weights {
  subscript(role: DecoderAdapter.Role) -> PackedMatrix {
    switch role {
    case .query: query
    case .key: key
    case .value: value
    case .output: output
    case .gate: gate
    case .up: up
    case .down: down
    }
  }
}

/// The adapters of some rows of a pass.
struct AdaptedRows {
  let rows: Range<Int>
  let adapters: [AppliedAdapter]
}

extension [AdaptedRows] {
  /// The updates of a layer's matrix, whose products are in `output`.
  func tasks(
    _ layer: Int, _ role: DecoderAdapter.Role, output: FloatMatrix, bias: FloatVector? = nil
  ) -> [LowRankTask] {
    compactMap { part in
      let updates = part.adapters.compactMap { applied in
        applied.adapter.layers[layer][role].map { (update: $0, strength: applied.strength) }
      }
      return updates.isEmpty ? nil : LowRankTask(rows: part.rows, updates: updates, output: output, bias: bias)
    }
  }
}
