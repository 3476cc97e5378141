import KingletErrors
import KingletGGUF
import KingletKernels

/// A low-rank update of a matrix W (LoRA, Hu et al. 2021): it makes `W x` into `W x + scale B (A x)`, or with row scales
/// (DoRA, Liu et al. 2024) into that times a number for each row.
public struct LowRankUpdate: Sendable {
  /// `[rank, columns]`, floats.
  let a: PackedMatrix
  /// `[rows, rank]`, floats.
  let b: PackedMatrix
  let scale: Float
  /// What each row's sum is multiplied by; nil for nothing.
  let rowScales: FloatVector?

  public var rows: Int { b.rows }
  public var columns: Int { a.columns }
  /// Bytes that a product reads.
  public var byteCount: Int { a.byteCount + b.byteCount + (rowScales?.count ?? 0) * 4 }

  /// - Parameters:
  ///   - a: `[rank, columns]`, row by row.
  ///   - b: `[rows, rank]`, row by row.
  /// - Throws: `.invalidArgument` for sizes that do not fit, or `.outOfMemory`.
  public init(
    a: [Float], b: [Float], rank: Int, scale: Float, rowScales: [Float]? = nil, table: KernelTable
  ) throws(KingletError) {
    guard rank > 0, !a.isEmpty, !b.isEmpty, a.count % rank == 0, b.count % rank == 0,
      rowScales.map({ $0.count == b.count / rank }) ?? true
    else {
      throw KingletError(.invalidArgument, "\(a.count) and \(b.count) numbers are no factors of rank \(rank)")
    }
    var writer = GGUFWriter()
    try writer.addTensor("a", dimensions: [a.count / rank, rank], floats: a)
    try writer.addTensor("b", dimensions: [rank, b.count / rank], floats: b)
    let file = try GGUFFile(bytes: writer.encoded())
    let matrices = try WeightArena.load(file.tensors, from: file, table: table, threads: 1) {
      (_) throws(KingletError) in
    }
    (self.a, self.b) = (matrices[0], matrices[1])
    self.scale = scale
    self.rowScales = rowScales.map(FloatVector.init)
  }
}

/// Updates of one matrix for some rows of a pass, of which the product is already there.
public struct LowRankTask {
  let rows: Range<Int>
  let updates: [(update: LowRankUpdate, strength: Float)]
  let output: FloatMatrix
  let bias: FloatVector?

  /// - Parameters:
  ///   - updates: Added up, each times its strength.
  ///   - output: `W x (+ bias)` of all rows of the pass.
  public init(
    rows: Range<Int>, updates: [(update: LowRankUpdate, strength: Float)], output: FloatMatrix, bias: FloatVector? = nil
  ) {
    self.rows = rows
    self.updates = updates
    self.output = output
    self.bias = bias
  }
}
