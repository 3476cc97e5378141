import CIntrinsics
import KingletErrors
import KingletKernels

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
  /// Lends what updates do in the phase that multiplies `x`.
  func lendUpdates(of x: Activations, _ body: (PhaseUpdates) -> Void) {
    pending.lend { projections in
      guard let updates = x.updates else {
        return body(PhaseUpdates(tasks: UnsafeBufferPointer(start: nil, count: 0), projections: projections))
      }
      updates.additions.withUnsafeBufferPointer { body(PhaseUpdates(tasks: $0, projections: projections)) }
    }
  }

  /// Asks for what `add` will read for few tokens, each of which may have an update of its own, while their products are
  /// computed.
  func fetch(_ updates: PhaseUpdates, _ indices: Range<Int>, tokens: Range<Int>, rows: Range<Int>) {
    guard tokens.count <= ActivationLayout.maximumWidth else { return }
    for index in indices where updates.tasks[index].rows.overlaps(tokens) {
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
