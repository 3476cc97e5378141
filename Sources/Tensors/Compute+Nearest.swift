import KingletErrors
import KingletKernels

extension Compute {
  /// The rows whose product with `query` is largest, the largest first, the lower row first in a tie.
  ///
  /// Products are looked at while they are in the first-level cache; each thread keeps the best it has seen.
  ///
  /// - Parameters:
  ///   - count: how many are wanted; fewer are returned where there are not as many.
  ///   - allowed: which rows take part, one bit each from the lowest of the first word; all, without it.
  /// - Throws: `.invalidArgument` for sizes that do not fit, or `.outOfMemory`.
  public func nearest(
    to query: [Float], in rows: VectorRows, count: Int, allowed: [UInt64]? = nil
  ) throws(KingletError) -> [(row: Int, product: Float)] {
    let matrix = rows.matrix
    guard query.count == matrix.columns, allowed.map({ $0.count * 64 >= matrix.rows }) ?? true, count > 0 else {
      throw KingletError(
        .invalidArgument, "a query of \(query.count) numbers is not for vectors of \(matrix.columns)")
    }
    let x = FloatMatrix(columns: query.count)
    try x.resize(rows: 1)
    x.fillRow(0, repeating: query)
    let activations = try prepare(x, for: [matrix])
    let split = Split(matrix, tokens: 1, threads: threads)
    let productCount = split.productCount(matrix)
    let products = Split.blockByteCount(1, productCount)
    try reserveScratch(products + split.scratchByteCount(for: matrix, dequantizes: dequantizes(matrix, activations)))
    let wanted = min(count, matrix.rows)
    let bests = (0..<threads).map { _ in BestRows(count: wanted) }
    pool.runRanges(
      split.taskCount, least: split.shortestRun, most: split.longestRun, threads: threads, upcoming: nil
    ) { tasks, worker in
      let part = split.part(tasks)
      let range = part.rows(of: matrix)
      let values = scratch(worker).assumingMemoryBound(to: Float.self)
      multiply(matrix, part, activations, scratch(worker) + products, out: values, stride: productCount)
      bests[worker].meet(UnsafeBufferPointer(start: values, count: range.count), from: range.lowerBound, allowed)
    }
    return Array(
      bests.flatMap(\.found).sorted { $0.product > $1.product || $0.product == $1.product && $0.row < $1.row }
        .prefix(wanted))
  }
}

/// The best rows that one thread has seen: a heap, whose root is the worst of them.
private final class BestRows {
  private let count: Int
  private(set) var found: [(row: Int, product: Float)] = []
  /// What a product must exceed to be of interest.
  private var threshold = -Float.infinity

  init(count: Int) {
    self.count = count
    found.reserveCapacity(count)
  }

  func meet(_ products: UnsafeBufferPointer<Float>, from first: Int, _ allowed: [UInt64]?) {
    for (index, product) in products.enumerated() where product >= threshold {
      let row = first + index
      if let allowed, allowed[row >> 6] >> UInt64(row & 63) & 1 == 0 { continue }
      insert((row, product))
    }
  }

  private func insert(_ candidate: (row: Int, product: Float)) {
    if found.count < count {
      found.append(candidate)
      var child = found.count - 1
      while child > 0, isWorse(found[child], found[(child - 1) / 2]) {
        found.swapAt(child, (child - 1) / 2)
        child = (child - 1) / 2
      }
    } else {
      guard isWorse(found[0], candidate) else { return }
      found[0] = candidate
      sink()
    }
    if found.count == count { threshold = found[0].product }
  }

  private func sink() {
    var parent = 0
    while true {
      var worst = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < found.count && isWorse(found[child], found[worst]) {
        worst = child
      }
      if worst == parent { return }
      found.swapAt(parent, worst)
      parent = worst
    }
  }

  private func isWorse(_ first: (row: Int, product: Float), _ second: (row: Int, product: Float)) -> Bool {
    first.product < second.product || first.product == second.product && first.row > second.row
  }
}
