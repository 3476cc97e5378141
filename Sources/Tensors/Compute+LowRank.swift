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

  /// Calls `body` with the tasks that multiply its rows of the pass, `x`: eight tokens, or of fewer a panel of A.
  fileprivate func forEachTask(_ x: UnsafePointer<Float>, _ xStride: Int, _ body: (LowRankProjection) -> Void) {
    let tokensAtOnce = 8
    for first in stride(from: 0, to: rows.count, by: tokensAtOnce) {
      let whole = LowRankProjection(
        a: update.a.base, precision: update.a.precision, rank: update.rank, columns: update.columns,
        x: x + (rows.lowerBound + first) * xStride, xStride: xStride, tokenCount: min(tokensAtOnce, rows.count - first),
        strength: strength, out: low + first * update.rank, outStride: update.rank)
      if rows.count < tokensAtOnce { whole.forEachPanel(body) } else { body(whole) }
    }
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

/// The updates of some matrices' products.
struct UpdateTasks {
  private var tasks: [UpdateTask] = []
  /// Factors that were made for this pass.
  private var kept: [FloatVector] = []

  /// Lends the tasks, and the projections they wait for, to a phase.
  func lend(_ pending: PendingProjections, _ body: (PhaseUpdates) -> Void) {
    withExtendedLifetime(kept) {
      tasks.withUnsafeBufferPointer { tasks in
        pending.lend { body(PhaseUpdates(tasks: tasks, projections: $0)) }
      }
    }
  }

  /// Adds those of one matrix.
  ///
  /// - Returns: which of `tasks` they are.
  mutating func add(_ updates: [ProjectedUpdate], of matrix: PackedMatrix) -> Range<Int> {
    let first = tasks.count
    if first == 0 { tasks.reserveCapacity(updates.reduce(0) { $0 + $1.update.targets.count }) }
    let haveFactors = updates.contains { $0.update.hasFactors }
    for projected in updates {
      let targets = projected.update.targets
      for index in targets.indices where targets[index].matrix === matrix {
        let target = targets[index]
        let isFirst = tasks.count == first || tasks[tasks.count - 1].rows != projected.rows
        tasks.append(
          UpdateTask(
            rows: projected.rows, low: projected.low + target.ranks.lowerBound, lowStride: projected.update.rank,
            b: target.b.base, precision: target.b.precision, rank: target.ranks.count,
            factors: isFirst && haveFactors ? factors(updates, of: matrix, rows: projected.rows) : nil,
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

/// What updates do in a phase.
struct PhaseUpdates {
  fileprivate let tasks: UnsafeBufferPointer<UpdateTask>
  fileprivate let projections: PendingProjections.Lent

  /// To be called by a worker before it multiplies.
  func begin(_ worker: Int, _ table: KernelTable) {
    if !tasks.isEmpty { projections.help(worker, table) }
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
    pending.removeAll()
    for u in projected { u.forEachTask(x, stride) { pending.add($0) } }
    pending.begin(workers: threads)
    return projected
  }

  /// Asks for what the calling thread will read of first factors, while it prepares the input.
  func fetch(_ updates: [AppliedUpdate]) {
    for u in updates {
      let a = u.update.a
      for line in stride(from: 0, to: a.byteCount / threads, by: 64) { kinglet_prefetch(a.base + line) }
    }
  }

  /// Asks for what `add` will read for one token, while its product is computed.
  func fetch(_ updates: PhaseUpdates, _ indices: Range<Int>, tokens: Range<Int>, rows: Range<Int>) {
    guard tokens.count == 1 else { return }
    for index in indices where updates.tasks[index].rows.contains(tokens.lowerBound) {
      let update = updates.tasks[index]
      let rowByteCount = update.rank * update.precision.byteCount
      let b = update.b + rows.lowerBound * rowByteCount
      for line in stride(from: 0, to: rows.count * rowByteCount, by: 64) { kinglet_prefetch(b + line) }
    }
  }

  /// Completes the products of a part of a matrix by what updates change of them.
  func add(
    _ updates: PhaseUpdates, _ indices: Range<Int>, to out: UnsafeMutablePointer<Float>, stride: Int,
    tokens: Range<Int>, rows: Range<Int>
  ) {
    if indices.isEmpty { return }
    updates.projections.wait()
    for index in indices {
      let update = updates.tasks[index]
      let own = update.rows.clamped(to: tokens)
      if own.isEmpty { continue }
      let products = out + (own.lowerBound - tokens.lowerBound) * stride
      table.addLowRank(
        LowRankAddition(
          b: update.b, precision: update.precision, rank: update.rank, firstRow: rows.lowerBound,
          rowCount: rows.count, low: update.low + (own.lowerBound - update.rows.lowerBound) * update.lowStride,
          lowStride: update.lowStride,
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
          b: update.b.base, precision: update.b.precision, rank: rank, firstRow: 0, rowCount: update.columns, low: low,
          lowStride: rank, tokenCount: 1, factors: nil, out: output.row(firstRow + i), outStride: output.stride))
    }
  }
}
