import KingletErrors
import KingletKernels

/// What adapters change of the products of one input: the work of updates for the rows of a pass.
///
/// It is kept from pass to pass. For each token that a sequence generates the work is the same, at the same addresses, and
/// to lay it out anew took longer than some of the products. So it holds addresses only, and keeps no update alive: whoever
/// uses it holds the updates.
///
/// Not `Sendable`: one forward pass at a time.
public final class InputUpdates {
  /// An update of some rows, and where `strength * (A x)` of them is, `[rows, rank]`.
  private struct Own {
    let update: LowRankTask
    let rows: Range<Int>
    let strength: Float
    let firstLow: Int
  }

  private let own: [Own]
  /// Nil where they differ.
  private let columns: Int?
  /// From the first to the last.
  private let rows: Range<Int>
  /// Whether any multiplies rows of matrices by factors.
  private let hasFactors: Bool
  /// Floats that all products with first factors take.
  private let lowCount: Int

  private var input: Input?
  private(set) var projections: [LowRankProjection] = []
  private(set) var additions: [UpdateTask] = []
  private var matrices: [(matrix: ObjectIdentifier, additions: Range<Int>)] = []
  /// Factors that were made of those of several updates.
  private var combined: [FloatVector] = []

  private struct Input: Equatable {
    let x: UnsafePointer<Float>
    let stride: Int
    let low: UnsafeMutablePointer<Float>
  }

  /// Nil for no updates. Those of the same rows follow each other, and all are of the same input.
  public init?(_ updates: [AppliedUpdate]) {
    guard let first = updates.first else { return nil }
    var lowCount = 0
    own = updates.map { applied in
      defer { lowCount += applied.rows.count * applied.update.rank }
      return Own(
        update: applied.update.task, rows: applied.rows, strength: applied.strength, firstLow: lowCount)
    }
    self.lowCount = lowCount
    hasFactors = own.contains { $0.update.hasFactors }
    columns = updates.allSatisfy { $0.update.columns == first.update.columns } ? first.update.columns : nil
    rows = updates.reduce(first.rows) {
      min($0.lowerBound, $1.rows.lowerBound)..<max($0.upperBound, $1.rows.upperBound)
    }
  }

  /// Those whose factors are read.
  var tasks: [LowRankTask] { own.map(\.update) }
  /// Where the first factor is.
  var first: UnsafeRawPointer? { own.first?.update.a }

  /// Lays out the work for an input, unless that is done.
  ///
  /// - Parameter lows: Memory for the products with first factors.
  /// - Throws: `.invalidArgument` when the updates are not for such rows, or `.outOfMemory`.
  func bind(
    _ x: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int, lows: GrowingMemory
  ) throws(KingletError) {
    guard self.columns == columns, self.rows.lowerBound >= 0, self.rows.upperBound <= rows else {
      throw KingletError(.invalidArgument, "an adapter's update is not for rows of \(columns)")
    }
    try lows.reserve(lowCount * MemoryLayout<Float>.stride)
    let input = Input(x: x, stride: stride, low: lows.base.assumingMemoryBound(to: Float.self))
    if self.input == input { return }
    self.input = input
    projections = []
    additions = []
    matrices = []
    combined = []
    for u in own { forEachProjection(u, input) { projections.append($0) } }
  }

  /// Calls `body` with the tasks that multiply the rows of an update by its first factor: eight tokens, or of fewer a panel
  /// of A.
  private func forEachProjection(_ u: Own, _ input: Input, _ body: (LowRankProjection) -> Void) {
    let tokensAtOnce = 8
    for first in stride(from: 0, to: u.rows.count, by: tokensAtOnce) {
      let whole = LowRankProjection(
        a: u.update.a, precision: u.update.precision, rank: u.update.rank, columns: u.update.columns,
        x: input.x + (u.rows.lowerBound + first) * input.stride, xStride: input.stride,
        tokenCount: min(tokensAtOnce, u.rows.count - first), strength: u.strength,
        out: input.low + u.firstLow + first * u.update.rank, outStride: u.update.rank)
      if u.rows.count < tokensAtOnce { whole.forEachPanel(body) } else { body(whole) }
    }
  }

  /// Which of `additions` complete the products with a matrix; to be asked after `bind`.
  func additions(to matrix: PackedMatrix) -> Range<Int> {
    let identity = ObjectIdentifier(matrix)
    for known in matrices where known.matrix == identity { return known.additions }
    let range = append(to: identity, rowCount: matrix.rows)
    matrices.append((identity, range))
    return range
  }

  private func append(to matrix: ObjectIdentifier, rowCount: Int) -> Range<Int> {
    guard let input else { return 0..<0 }
    let first = additions.count
    for u in own {
      for target in u.update.targets where target.matrix == matrix {
        let isFirst = additions.count == first || additions[additions.count - 1].rows != u.rows
        additions.append(
          UpdateTask(
            rows: u.rows, low: input.low + u.firstLow + target.firstRank, lowStride: u.update.rank, b: target.b,
            precision: target.precision, rank: target.rank,
            factors: isFirst && hasFactors ? factors(of: matrix, rowCount: rowCount, rows: u.rows) : nil,
            biasChange: target.biasChange, strength: u.strength))
      }
    }
    return first..<additions.count
  }

  /// `1 + sum of strength (f - 1)` over the updates of the same rows; nil where none has factors.
  private func factors(
    of matrix: ObjectIdentifier, rowCount: Int, rows: Range<Int>
  ) -> UnsafePointer<Float>? {
    let factors = own.lazy.filter { $0.rows == rows && $0.update.hasFactors }.flatMap { u in
      u.update.targets.lazy.filter { $0.matrix == matrix }.compactMap { target in
        target.factors.map { (factors: $0, strength: u.strength) }
      }
    }
    let all = Array(factors)
    guard let first = all.first else { return nil }
    if all.count == 1, first.strength == 1 { return first.factors }
    let vector = FloatVector(
      (0..<rowCount).map { row in all.reduce(1) { $0 + $1.strength * ($1.factors[row] - 1) } })
    combined.append(vector)
    return vector.base
  }
}

/// What an update adds to the products of one matrix, as tasks see it: without references (see `ProjectionTask`).
struct UpdateTask {
  let rows: Range<Int>
  let low: UnsafePointer<Float>
  let lowStride: Int
  let b: UnsafeRawPointer
  let precision: FactorPrecision
  let rank: Int
  /// What the products are multiplied by before; of updates of the same rows only the first has it, for all of them.
  let factors: UnsafePointer<Float>?
  let biasChange: UnsafePointer<Float>?
  let strength: Float
}
