import KingletErrors
import KingletKernels

/// What an adapter changes of the matrices that are multiplied by one input: with it, `W x + bias` becomes
///
///     f (W x + s B (A x)) + bias + c
///
/// A, B and the scale s are those of LoRA (Hu et al. 2021), the factor f of each row that of DoRA (Liu et al. 2024), and c
/// is a change of the bias. The first factors of all matrices are one, so that the input is read once for all of them.
public final class LowRankUpdate: Sendable {
  /// `[rank, columns]`, rows padded with zeros to whole vectors.
  let a: FloatVector
  let columns: Int
  /// The ranks of all parts together.
  let rank: Int
  let targets: [Target]

  /// The change of one matrix.
  struct Target: Sendable {
    let matrix: PackedMatrix
    /// Its part of `A x`.
    let ranks: Range<Int>
    /// `f s B`, in panels as `LowRankAddition` says.
    let b: FloatVector
    let factors: FloatVector?
    let biasChange: FloatVector?
  }

  /// A pair of factors. The second may be in parts: one trained for matrices that a model keeps apart.
  public struct Factors {
    let a: [Float]
    let rank: Int
    let scale: Float
    public let parts: [Part]

    /// The rows of the second factor that belong to one matrix.
    public struct Part {
      public let matrix: PackedMatrix
      let b: [Float]
      let rowFactors: [Float]?
      let biasChange: [Float]?

      /// - Parameters:
      ///   - b: `[rows, rank]`, row by row.
      ///   - rowFactors: `f`, one for each row; nil for ones.
      ///   - biasChange: `c`, one for each row; nil for none.
      public init(_ matrix: PackedMatrix, b: [Float], rowFactors: [Float]? = nil, biasChange: [Float]? = nil) {
        self.matrix = matrix
        self.b = b
        self.rowFactors = rowFactors
        self.biasChange = biasChange
      }
    }

    /// - Parameter a: `[rank, columns]`, row by row.
    public init(a: [Float], rank: Int, scale: Float, parts: [Part]) {
      self.a = a
      self.rank = rank
      self.scale = scale
      self.parts = parts
    }
  }

  /// Bytes that a product reads.
  public var byteCount: Int {
    targets.reduce(a.count) { $0 + $1.b.count + ($1.factors?.count ?? 0) + ($1.biasChange?.count ?? 0) }
      * MemoryLayout<Float>.stride
  }

  /// - Parameter columns: The length of the input.
  /// - Throws: `.invalidArgument` for sizes that do not fit.
  public init(_ factors: [Factors], columns: Int) throws(KingletError) {
    let stride = (columns + 15) / 16 * 16
    var a: [Float] = []
    var targets: [Target] = []
    var rank = 0
    for f in factors {
      guard f.rank >= 0, f.a.count == f.rank * columns,
        f.parts.allSatisfy({ part in
          part.matrix.columns == columns && part.b.count == part.matrix.rows * f.rank
            && part.rowFactors.map { $0.count == part.matrix.rows } ?? true
            && part.biasChange.map { $0.count == part.matrix.rows } ?? true
        })
      else {
        throw KingletError(
          .invalidArgument, "\(f.a.count) numbers are no factor of rank \(f.rank) for rows of \(columns)")
      }
      for row in 0..<f.rank {
        a += f.a[row * columns..<(row + 1) * columns]
        a += repeatElement(0, count: stride - columns)
      }
      for part in f.parts {
        let scaled = part.b.indices.map { part.b[$0] * f.scale * (part.rowFactors?[$0 / f.rank] ?? 1) }
        targets.append(
          Target(
            matrix: part.matrix, ranks: rank..<rank + f.rank, b: FloatVector(panels: scaled, rank: f.rank),
            factors: part.rowFactors.map(FloatVector.init), biasChange: part.biasChange.map(FloatVector.init)))
      }
      rank += f.rank
    }
    self.a = FloatVector(a)
    self.columns = columns
    self.rank = rank
    self.targets = targets
  }

  /// Floats from one row of `a` to the next.
  var stride: Int { (columns + 15) / 16 * 16 }
}

/// A low-rank update of an embedding table: a token's row e becomes `e + s B a`, with a row a for each token.
public final class EmbeddingUpdate: Sendable {
  /// `s` times the row of each token.
  let a: FloatVector
  let rank: Int
  let columns: Int
  let b: FloatVector

  public var byteCount: Int { (a.count + b.count) * MemoryLayout<Float>.stride }

  /// - Parameters:
  ///   - a: `[tokens, rank]`, row by row.
  ///   - b: `[columns, rank]`, row by row.
  /// - Throws: `.invalidArgument` for sizes that do not fit.
  public init(a: [Float], b: [Float], rank: Int, scale: Float) throws(KingletError) {
    guard rank > 0, a.count % rank == 0, b.count % rank == 0 else {
      throw KingletError(.invalidArgument, "\(a.count) and \(b.count) numbers are no factors of rank \(rank)")
    }
    self.a = FloatVector(a.map { $0 * scale })
    self.rank = rank
    columns = b.count / rank
    self.b = FloatVector(panels: b, rank: rank)
  }
}

extension FloatVector {
  /// Panels as `LowRankAddition` says of a matrix `[rows, rank]`; missing rows of the last one are zeros.
  fileprivate convenience init(panels b: [Float], rank: Int) {
    let (rows, panelRows) = (b.count / max(1, rank), LowRankAddition.panelRows)
    var panels = [Float](repeating: 0, count: (rows + panelRows - 1) / panelRows * panelRows * rank)
    for row in 0..<rows {
      let first = row / panelRows * panelRows * rank + row % panelRows
      for k in 0..<rank { panels[first + k * panelRows] = b[row * rank + k] }
    }
    self.init(panels)
  }
}

/// A low-rank update of some rows of a pass.
public struct AppliedUpdate {
  let update: LowRankUpdate
  let rows: Range<Int>
  let strength: Float

  /// - Parameter strength: 1 as it was trained, 0 as if it were not there. Several updates of the same rows add up.
  public init(_ update: LowRankUpdate, rows: Range<Int>, strength: Float) {
    self.update = update
    self.rows = rows
    self.strength = strength
  }
}
