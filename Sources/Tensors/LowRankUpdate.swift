import KingletErrors
import KingletKernels

/// What an adapter changes of the matrices that are multiplied by one input: with it, `W x + bias` becomes
///
///     f (W x + s B (A x)) + bias + c
///
/// A, B and the scale s are those of LoRA (Hu et al. 2021), the factor f of each row that of DoRA (Liu et al. 2024), and c
/// is a change of the bias. The first factors of all matrices are one, so that the input is read once for all of them.
public final class LowRankUpdate: Sendable {
  /// `[rank, columns]`, in panels as `LowRankProjection` says.
  let a: LowRankFactor
  let columns: Int
  /// The ranks of all parts together.
  let rank: Int
  let targets: [Target]
  /// The same as tasks see it.
  let task: LowRankTask

  /// The change of one matrix.
  struct Target: Sendable {
    let matrix: PackedMatrix
    /// Its part of `A x`.
    let ranks: Range<Int>
    /// `f s B`, in panels as `LowRankAddition` says.
    let b: LowRankFactor
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
    targets.reduce(a.byteCount) { sum, target in
      sum + target.b.byteCount
        + ((target.factors?.count ?? 0) + (target.biasChange?.count ?? 0)) * MemoryLayout<Float>.stride
    }
  }

  /// - Parameters:
  ///   - columns: The length of the input.
  ///   - precision: What A and B are kept as. Numbers too large for halves are kept as they are.
  ///   - memory: Where they are kept.
  /// - Throws: `.invalidArgument` for sizes that do not fit, or `.outOfMemory`.
  public init(
    _ factors: [Factors], columns: Int, precision: FactorPrecision, in memory: FactorMemory
  ) throws(KingletError) {
    var a: [Float] = []
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
      a += f.a
    }
    self.a = try LowRankFactor(first: a, columns: columns, precision: precision, in: memory)
    var targets: [Target] = []
    for f in factors {
      for part in f.parts {
        let scaled = part.b.indices.map { part.b[$0] * f.scale * (part.rowFactors?[$0 / f.rank] ?? 1) }
        targets.append(
          Target(
            matrix: part.matrix, ranks: rank..<rank + f.rank,
            b: try LowRankFactor(second: scaled, rank: f.rank, precision: precision, in: memory),
            factors: part.rowFactors.map(FloatVector.init), biasChange: part.biasChange.map(FloatVector.init)))
      }
      rank += f.rank
    }
    self.columns = columns
    self.rank = rank
    self.targets = targets
    task = LowRankTask(self.a, columns: columns, rank: rank, targets)
  }

  deinit { task.targets.deallocate() }
}

/// An update as tasks see it: numbers and addresses, so that they count no references. A pass looks at each of its
/// updates many times, and with many adapters the counting took longer than some of the products.
///
/// `@unchecked Sendable`: what it points to lives as long as its update, and never changes.
struct LowRankTask: @unchecked Sendable {
  let a: UnsafeRawPointer
  let precision: FactorPrecision
  let columns: Int
  let rank: Int
  let targets: UnsafeBufferPointer<Target>
  /// Whether rows of some matrix are multiplied by factors.
  let hasFactors: Bool

  struct Target {
    let matrix: ObjectIdentifier
    let firstRank: Int
    let rank: Int
    let b: UnsafeRawPointer
    let precision: FactorPrecision
    let factors: UnsafePointer<Float>?
    let biasChange: UnsafePointer<Float>?

    /// Where the rows of B are that belong to some rows of the matrix.
    func bytes(of rows: Range<Int>) -> UnsafeRawBufferPointer {
      let rowByteCount = rank * precision.byteCount
      return UnsafeRawBufferPointer(start: b + rows.lowerBound * rowByteCount, count: rows.count * rowByteCount)
    }
  }

  fileprivate init(_ a: LowRankFactor, columns: Int, rank: Int, _ targets: [LowRankUpdate.Target]) {
    self.a = a.base
    precision = a.precision
    self.columns = columns
    self.rank = rank
    let own = UnsafeMutableBufferPointer<Target>.allocate(capacity: targets.count)
    for (i, target) in targets.enumerated() {
      own.initializeElement(
        at: i,
        to: Target(
          matrix: ObjectIdentifier(target.matrix), firstRank: target.ranks.lowerBound, rank: target.ranks.count,
          b: target.b.base, precision: target.b.precision, factors: target.factors?.base,
          biasChange: target.biasChange?.base))
    }
    self.targets = UnsafeBufferPointer(own)
    hasFactors = targets.contains { $0.factors != nil }
  }
}

/// A low-rank update of an embedding table: a token's row e becomes `e + s B a`, with a row a for each token.
public final class EmbeddingUpdate: Sendable {
  /// `s` times the row of each token.
  let a: FloatVector
  let rank: Int
  let columns: Int
  let b: LowRankFactor

  public var byteCount: Int { a.count * MemoryLayout<Float>.stride + b.byteCount }

  /// - Parameters:
  ///   - a: `[tokens, rank]`, row by row.
  ///   - b: `[columns, rank]`, row by row.
  /// - Throws: `.invalidArgument` for sizes that do not fit, or `.outOfMemory`.
  public init(a: [Float], b: [Float], rank: Int, scale: Float) throws(KingletError) {
    guard rank > 0, a.count % rank == 0, b.count % rank == 0 else {
      throw KingletError(.invalidArgument, "\(a.count) and \(b.count) numbers are no factors of rank \(rank)")
    }
    self.a = FloatVector(a.map { $0 * scale })
    self.rank = rank
    columns = b.count / rank
    self.b = try LowRankFactor(second: b, rank: rank, precision: .single, in: FactorMemory())
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
