import CIntrinsics
import KingletErrors
import KingletKernels

/// An update whose first factor has met its input.
struct ProjectedUpdate {
  let update: LowRankUpdate
  let rows: Range<Int>
  let strength: Float
  /// `strength * (A x)`, `[rows, rank]`.
  let low: UnsafeMutablePointer<Float>

  /// How its rows of the pass, `x`, are multiplied, in tasks: eight tokens, or of fewer some rows of A.
  fileprivate func projections(_ x: UnsafePointer<Float>, _ stride: Int) -> [LowRankProjection] {
    let tokensAtOnce = 8
    return Swift.stride(from: 0, to: rows.count, by: tokensAtOnce).flatMap { first in
      let whole = LowRankProjection(
        a: update.a.base, aStride: update.stride, rank: update.rank, columns: update.columns,
        x: x + (rows.lowerBound + first) * stride, xStride: stride, tokenCount: min(tokensAtOnce, rows.count - first),
        strength: strength, out: low + first * update.rank, outStride: update.rank)
      return rows.count < tokensAtOnce ? whole.split : [whole]
    }
  }
}

extension LowRankProjection {
  /// By rows of A that kernels take side by side.
  fileprivate var split: [LowRankProjection] {
    Swift.stride(from: 0, to: rank, by: 4).map { rows($0..<min(rank, $0 + 4)) }
  }
}

/// What an update adds to the products of one matrix, as tasks see it: without references (see `ProjectionTask`).
struct UpdateTask {
  let rows: Range<Int>
  let low: UnsafePointer<Float>
  let lowStride: Int
  let b: UnsafePointer<Float>
  let rank: Int
  /// What the products are multiplied by before; of updates of the same rows only the first has it, for all of them.
  let factors: UnsafePointer<Float>?
  let biasChange: UnsafePointer<Float>?
  let strength: Float
}

/// The updates of some matrices' products.
struct UpdateTasks {
  private var tasks: [UpdateTask] = []
  /// Factors that were made for this pass.
  private var kept: [FloatVector] = []

  /// Lends the tasks to a phase.
  func lend(_ body: (UnsafeBufferPointer<UpdateTask>) -> Void) {
    withExtendedLifetime(kept) { tasks.withUnsafeBufferPointer(body) }
  }

  /// Adds those of one matrix.
  ///
  /// - Returns: which of `tasks` they are.
  mutating func add(_ updates: [ProjectedUpdate], of matrix: PackedMatrix) -> Range<Int> {
    let first = tasks.count
    for projected in updates {
      for target in projected.update.targets where target.matrix === matrix {
        let isFirst = tasks.count == first || tasks[tasks.count - 1].rows != projected.rows
        tasks.append(
          UpdateTask(
            rows: projected.rows, low: projected.low + target.ranks.lowerBound, lowStride: projected.update.rank,
            b: target.b.base, rank: target.ranks.count,
            factors: isFirst ? factors(updates, of: matrix, rows: projected.rows) : nil,
            biasChange: target.biasChange?.base, strength: projected.strength))
      }
    }
    return first..<tasks.count
  }

  /// `1 + sum of strength (f - 1)` over the updates of the same rows; nil where none has factors.
  private mutating func factors(
    _ updates: [ProjectedUpdate], of matrix: PackedMatrix, rows: Range<Int>
  ) -> UnsafePointer<Float>? {
    var own: [(vector: FloatVector, strength: Float)] = []
    for projected in updates where projected.rows == rows {
      for target in projected.update.targets where target.matrix === matrix {
        if let vector = target.factors { own.append((vector, projected.strength)) }
      }
    }
    guard let first = own.first else { return nil }
    if own.count == 1, first.strength == 1 { return first.vector.base }
    let combined = FloatVector(
      (0..<matrix.rows).map { row in own.reduce(1) { $0 + $1.strength * ($1.vector.base[row] - 1) } })
    kept.append(combined)
    return combined.base
  }
}

extension Compute {
  /// Says how the first factors of updates are multiplied by their rows of an input, which the phase that multiplies the
  /// input does first: until then they are `pending`. A token's result has the same bits whatever other rows there are.
  func project(
    _ updates: [AppliedUpdate], _ x: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int
  ) throws(KingletError) -> [ProjectedUpdate] {
    var floatCount = 0
    for u in updates {
      guard u.update.columns == columns, u.rows.lowerBound >= 0, u.rows.upperBound <= rows else {
        throw KingletError(.invalidArgument, "an adapter's update is not for rows of \(columns)")
      }
      floatCount += u.rows.count * u.update.rank
    }
    try lows.reserve(floatCount * MemoryLayout<Float>.stride)
    var projected: [ProjectedUpdate] = []
    projected.reserveCapacity(updates.count)
    var low = lows.base.assumingMemoryBound(to: Float.self)
    for u in updates {
      projected.append(ProjectedUpdate(update: u.update, rows: u.rows, strength: u.strength, low: low))
      low += u.rows.count * u.update.rank
    }
    pending.begin(projected.flatMap { $0.projections(x, stride) })
    return projected
  }

  /// Asks for what `add` will read for one token, while its product is computed.
  func fetch(_ updates: UnsafeBufferPointer<UpdateTask>, _ indices: Range<Int>, tokens: Range<Int>, rows: Range<Int>) {
    guard tokens.count == 1 else { return }
    for index in indices where updates[index].rows.contains(tokens.lowerBound) {
      let b = UnsafeRawPointer(updates[index].b + rows.lowerBound * updates[index].rank)
      for line in stride(from: 0, to: rows.count * updates[index].rank * MemoryLayout<Float>.stride, by: 64) {
        kinglet_prefetch(b + line)
      }
    }
  }

  /// Completes the products of a part of a matrix by what updates change of them.
  func add(
    _ updates: UnsafeBufferPointer<UpdateTask>, _ indices: Range<Int>, to out: UnsafeMutablePointer<Float>, stride: Int,
    tokens: Range<Int>, rows: Range<Int>
  ) {
    if indices.isEmpty { return }
    pending.wait()
    for index in indices {
      let update = updates[index]
      let own = update.rows.clamped(to: tokens)
      if own.isEmpty { continue }
      let products = out + (own.lowerBound - tokens.lowerBound) * stride
      table.addLowRank(
        LowRankAddition(
          b: update.b, rank: update.rank, firstRow: rows.lowerBound, rowCount: rows.count,
          low: update.low + (own.lowerBound - update.rows.lowerBound) * update.lowStride, lowStride: update.lowStride,
          tokenCount: own.count, factors: update.factors.map { $0 + rows.lowerBound }, out: products,
          outStride: stride))
      guard let change = update.biasChange else { continue }
      for i in 0..<own.count {
        table.addScaled(products + i * stride, change + rows.lowerBound, update.strength, rows.count)
      }
    }
  }

  /// Adds an update of an embedding table to the rows of `output`, which are those of `tokens`.
  ///
  /// - Parameter strength: Of the update, and of the embedding itself.
  /// - Throws: `.invalidArgument` for sizes that do not fit, or `.outOfMemory`.
  public func add(
    _ update: EmbeddingUpdate, strength: Float, of tokens: ArraySlice<Int32>, to output: FloatMatrix, firstRow: Int
  ) throws(KingletError) {
    let rank = update.rank
    guard update.columns == output.columns, firstRow >= 0, firstRow + tokens.count <= output.rows,
      tokens.allSatisfy({ 0..<Int32(clamping: update.a.count / rank) ~= $0 })
    else {
      throw KingletError(.invalidArgument, "an adapter's embedding is not of the size of the model's")
    }
    try lows.reserve(rank * MemoryLayout<Float>.stride)
    let low = lows.base.assumingMemoryBound(to: Float.self)
    for (i, token) in tokens.enumerated() {
      for k in 0..<rank { low[k] = strength * update.a.base[Int(token) * rank + k] }
      table.addLowRank(
        LowRankAddition(
          b: update.b.base, rank: rank, firstRow: 0, rowCount: update.columns, low: low, lowStride: rank, tokenCount: 1,
          factors: nil, out: output.row(firstRow + i), outStride: output.stride))
    }
  }
}
