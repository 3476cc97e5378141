import KingletErrors
import KingletKernels

extension Compute {
  /// The index of the largest element of a row, the lowest such index in a tie.
  public func indexOfMaximum(_ x: FloatMatrix, row: Int) -> Int {
    precondition(row >= 0 && row < x.rows)
    return table.indexOfMaximum(x.row(row), x.columns)
  }

  /// The index of the largest element of `W x`, the lowest such index in a tie, for the first row of `x`.
  ///
  /// The products are looked at while they are in the first-level cache, and never stored as a row: with a vocabulary of
  /// 262,144 a row of logits is a megabyte.
  ///
  /// - Throws: `.invalidArgument` for sizes that do not fit, or `.outOfMemory`.
  public func indexOfLargestProduct(_ x: Activations, _ matrix: PackedMatrix) throws(KingletError) -> Int {
    guard matrix.columns == x.columns, x.rows > 0 else {
      throw KingletError(
        .invalidArgument,
        "a \(matrix.rows) x \(matrix.columns) matrix chooses nothing from \(x.rows) rows of \(x.columns)")
    }
    try check(x, isFor: matrix)
    let split = Split(matrix, tokens: 1, threads: threads)
    let productCount = split.productCount(matrix)
    let products = Split.blockByteCount(1, productCount)
    try reserveScratch(products + split.scratchByteCount(for: matrix, dequantizes: dequantizes(matrix, x)))
    try partials.reserve(threads * Candidate.stride)
    for worker in 0..<threads { candidate(worker).initialize(to: Candidate()) }
    pool.runRanges(
      split.taskCount, least: split.shortestRun, most: split.longestRun, threads: threads,
      upcoming: upcoming(x, after: matrix) {
        ReadAhead.Phase(matrices: [matrix], splits: [split], sharesTasks: false)
      }
    ) { tasks, worker in
      let part = split.part(tasks)
      let rows = part.rows(of: matrix)
      let values = scratch(worker).assumingMemoryBound(to: Float.self)
      multiply(matrix, part, x, scratch(worker) + products, out: values, stride: productCount)
      let index = table.indexOfMaximum(values, rows.count)
      candidate(worker).pointee.meet(Candidate(value: values[index], index: rows.lowerBound + index))
    }
    var best = Candidate()
    for worker in 0..<threads { best.meet(candidate(worker).pointee) }
    return best.index
  }

  private func candidate(_ worker: Int) -> UnsafeMutablePointer<Candidate> {
    (partials.base + worker * Candidate.stride).assumingMemoryBound(to: Candidate.self)
  }
}

/// The largest value a thread has seen. What is not a number never wins.
private struct Candidate {
  /// Each thread's in a cache line of its own.
  static let stride = 64

  var value: Float = -.infinity
  var index = 0

  /// Keeps the larger of two, the one with the lower index in a tie.
  mutating func meet(_ other: Candidate) {
    if other.value > value || other.value == value && value > -.infinity && other.index < index { self = other }
  }
}
