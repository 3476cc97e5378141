/// What an adapter file says of one tensor of a model, before it has met one.
public struct AdapterUpdate: Sendable {
  /// In which order the rows of `b` and `magnitude` are, where rotated pairs matter (queries and keys).
  public enum RowOrder: Sendable {
    /// As the GGUF file of the base has them.
    case stored
    /// As Hugging Face has them: the halves of a head are rotated against each other.
    case halves
  }

  /// The tensor's name without `.weight`, such as `blk.3.attn_q`, `token_embd` or `output`. Two names are for several
  /// tensors at once, one below another: `attn_qkv` for query, key and value, `ffn_gate_up` for gate and up.
  public let tensor: String
  /// 0 where there are no factors.
  public let rank: Int
  /// `[rank, columns]`, row by row; of an embedding `[rank, tokens]`.
  public let a: [Float]
  /// `[rows, rank]`, row by row; of an embedding `[columns, rank]`.
  public let b: [Float]
  public let scale: Float
  /// Of weight-decomposed adapters (DoRA): the length of each row of the sum; nil for others.
  public let magnitude: [Float]?
  /// What takes the place of the bias, one number for each row; nil where that stays.
  public let bias: [Float]?
  /// What takes the place of the whole tensor, row by row; nil for low-rank updates.
  public let replacement: [Float]?
  /// The length of a row of what takes the place; 0 for low-rank updates.
  let replacementColumns: Int
  /// Some of the weights it was trained on, where its file has a copy of them.
  public let base: BaseRows?
  public let rowOrder: RowOrder

  public init(
    tensor: String, rank: Int, a: [Float], b: [Float], scale: Float, magnitude: [Float]? = nil, bias: [Float]? = nil,
    base: BaseRows? = nil, rowOrder: RowOrder
  ) {
    self.tensor = tensor
    self.rank = rank
    self.a = a
    self.b = b
    self.scale = scale
    self.magnitude = magnitude
    self.bias = bias
    (replacement, replacementColumns) = (nil, 0)
    self.base = base
    self.rowOrder = rowOrder
  }

  /// A tensor that was trained as a whole: rows of `columns` weights.
  public init(tensor: String, replacement: [Float], columns: Int, rowOrder: RowOrder) {
    self.tensor = tensor
    (rank, a, b, scale) = (0, [], [], 1)
    (magnitude, bias, base) = (nil, nil, nil)
    (self.replacement, replacementColumns) = (replacement, columns)
    self.rowOrder = rowOrder
  }
}
