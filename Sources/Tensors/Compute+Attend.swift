import KingletErrors
import KingletKernels

/// How queries and keys are treated before they meet.
public struct AttentionShape: Sendable {
  public let headCount: Int
  public let keyHeadCount: Int
  public let headSize: Int
  public let pairing: RotaryPairing
  /// What scores are multiplied by: usually 1 / sqrt(headSize).
  public let scale: Float
  public let queryNorm: RMSNorm?
  public let keyNorm: RMSNorm?

  public init(
    headCount: Int, keyHeadCount: Int, headSize: Int, pairing: RotaryPairing, scale: Float, queryNorm: RMSNorm?,
    keyNorm: RMSNorm?
  ) {
    self.headCount = headCount
    self.keyHeadCount = keyHeadCount
    self.headSize = headSize
    self.pairing = pairing
    self.scale = scale
    self.queryNorm = queryNorm
    self.keyNorm = keyNorm
  }

  /// Query heads that share a key head.
  var groupSize: Int { headCount / keyHeadCount }
}

extension Compute {
  /// Causal attention of the rows of `q`, `k` and `v`, which stand at positions `start …`, over what `cache` holds.
  ///
  /// Normalises and rotates queries and keys, whose rows may be changed by it, appends keys and values to the cache, and
  /// writes the heads' outputs to `output`, `[rows, headCount * headSize]`. Softmax is taken over each page apart and the results are
  /// merged in ascending order, in one row or many, on one thread or many: the same sums in the same order.
  ///
  /// - Throws: `.invalidArgument` for sizes that do not fit, or `.outOfMemory`.
  public func attend(
    q: FloatMatrix, k: FloatMatrix, v: FloatMatrix, shape: AttentionShape, rotary: RotaryTable, cache: KVLayer,
    start: Int, to output: FloatMatrix
  ) throws(KingletError) {
    let (width, keyWidth) = (shape.headCount * shape.headSize, shape.keyHeadCount * shape.headSize)
    guard q.columns == width, output.columns == width, k.columns == keyWidth, v.columns == keyWidth,
      k.rows == q.rows, v.rows == q.rows, cache.headCount == shape.keyHeadCount,
      cache.layout.headSize == shape.headSize, rotary.rotated <= shape.headSize, start >= 0
    else {
      throw KingletError(.invalidArgument, "queries, keys, values, cache and output are not of one shape")
    }
    try output.resize(rows: q.rows)
    try cache.reserve(upTo: start + q.rows)
    rotary.reserve(start + q.rows)
    try rotary.withPointers { (cosines, sines) throws(KingletError) in
      let rotation = Rotation(shape, rotary.rotated, cosines, sines)
      if q.rows == 1 {
        try attendOne(q, k, v, shape, rotation, cache, start, output)
      } else {
        forEachBlock(rows: q.rows, start: start) { rows in
          for row in rows {
            rotation.rotateQueries(q.row(row), shape.headCount, at: start + row, table)
            rotation.rotateKeys(k.row(row), shape.keyHeadCount, at: start + row, table)
            for head in 0..<cache.headCount {
              let offset = head * shape.headSize
              append(k.row(row) + offset, v.row(row) + offset, at: start + row, head: head, to: cache)
            }
          }
        }
        try attendMany(q, shape, cache, start, output)
      }
    }
  }

  /// Calls `body` for ranges of rows that make up all of them, in parallel from `serialTokens` on, none of which shares a
  /// block of keys with another.
  private func forEachBlock(rows: Int, start: Int, _ body: (Range<Int>) -> Void) {
    if rows < Self.serialTokens { return body(0..<rows) }
    let size = KVPageLayout.blockPositions
    let first = start / size
    pool.run((start + rows + size - 1) / size - first, threads: threads) { task, _ in
      let begin = (first + task) * size - start
      body(max(0, begin)..<min(rows, begin + size))
    }
  }

  private func append(
    _ key: UnsafePointer<Float>, _ value: UnsafePointer<Float>, at position: Int, head: Int, to cache: KVLayer
  ) {
    guard let page = cache.page(position / KVPageLayout.positions, head: head) else { return }
    table.appendKeyValue(
      KVAppend(
        layout: cache.layout, page: page, slot: position % KVPageLayout.positions, key: key, value: value))
  }

  /// A single row: tasks are pages as well as key heads, so that one key head can still use every core.
  ///
  /// Each task rotates its own queries, and the one that takes the last page of a head appends the key: nothing is left
  /// for one thread to do while the others wait. Who ends the last page of a head merges them all.
  private func attendOne(
    _ q: FloatMatrix, _ k: FloatMatrix, _ v: FloatMatrix, _ shape: AttentionShape, _ rotation: Rotation,
    _ cache: KVLayer, _ position: Int, _ output: FloatMatrix
  ) throws(KingletError) {
    let seen = Visible(position: position, window: cache.window)
    let pages = seen.pages
    let (group, headSize, keyHeadCount) = (shape.groupSize, shape.headSize, shape.keyHeadCount)
    let (layout, scale) = (cache.layout, shape.scale)
    let stride = PageAttention.resultStride(layout)
    let resultCount = group * stride
    try partials.reserve(pages.count * keyHeadCount * resultCount * MemoryLayout<Float>.stride)
    try reserveScratch(AttentionScratch.byteCount(queries: group, layout))
    let results = partials.base.assumingMemoryBound(to: Float.self)
    let (queries, keys, values, out) = (q.row(0), k.row(0), v.row(0), output.row(0))
    countdowns.start(keyHeadCount, tasks: pages.count)
    pool.run(pages.count * keyHeadCount, threads: threads) { task, worker in
      let (page, head) = (pages.lowerBound + task / keyHeadCount, task % keyHeadCount)
      if page == pages.upperBound - 1 {
        let offset = head * headSize
        rotation.rotateKeys(keys + offset, 1, at: position, table)
        append(keys + offset, values + offset, at: position, head: head, to: cache)
      }
      let scratch = AttentionScratch(base: self.scratch(worker), queries: group, layout)
      scratch.queries.update(from: queries + head * group * headSize, count: group * headSize)
      rotation.rotateQueries(scratch.queries, group, at: position, table)
      scratch.scale(group * headSize, by: scale)
      scratch.limit(seen, queries: 0..<group, to: page)
      attend(scratch, queries: group, cache, page, head, results + task * resultCount)
      guard countdowns.end(head) else { return }
      for query in 0..<group {
        let running = results + head * resultCount + query * stride
        for page in 1..<pages.count {
          table.mergePages(running, running + page * keyHeadCount * resultCount, layout.valueStride)
        }
        table.finishAttention(running, layout.valueStride, headSize, out + (head * group + query) * headSize)
      }
    }
  }

  /// Several rows: a task takes about 48 queries for one key head through all pages. More would not fit the caches, and
  /// fewer widen keys and values more often.
  private func attendMany(
    _ q: FloatMatrix, _ shape: AttentionShape, _ cache: KVLayer, _ start: Int, _ output: FloatMatrix
  ) throws(KingletError) {
    let group = shape.groupSize
    let tileRows = max(1, 48 / group)
    let tiles = (q.rows + tileRows - 1) / tileRows
    let stride = PageAttention.resultStride(cache.layout)
    let most = tileRows * group
    let own = AttentionScratch.byteCount(queries: most, cache.layout)
    let resultByteCount = most * stride * MemoryLayout<Float>.stride
    try reserveScratch(own + 2 * resultByteCount)
    pool.run(tiles * shape.keyHeadCount, threads: threads) { task, worker in
      // The last rows see the most: they go first, so that no long task is left for the end.
      let (tile, head) = (tiles - 1 - task / shape.keyHeadCount, task % shape.keyHeadCount)
      let rows = tile * tileRows..<min(q.rows, (tile + 1) * tileRows)
      let queries = rows.count * group
      let scratch = AttentionScratch(base: self.scratch(worker), queries: most, cache.layout)
      let running = (self.scratch(worker) + own).assumingMemoryBound(to: Float.self)
      let partial = running + most * stride
      scratch.take(q, rows: rows, head: head, shape)
      let seen = rows.map { Visible(position: start + $0, window: cache.window) }
      let pages = seen[0].pages.lowerBound..<seen[seen.count - 1].pages.upperBound
      for page in pages {
        for (i, visible) in seen.enumerated() {
          scratch.limit(visible, queries: i * group..<(i + 1) * group, to: page)
        }
        attend(scratch, queries: queries, cache, page, head, page == pages.lowerBound ? running : partial)
        guard page > pages.lowerBound else { continue }
        for query in 0..<queries {
          table.mergePages(running + query * stride, partial + query * stride, cache.layout.valueStride)
        }
      }
      for query in 0..<queries {
        let out = output.row(rows.lowerBound + query / group) + (head * group + query % group) * shape.headSize
        table.finishAttention(running + query * stride, cache.layout.valueStride, shape.headSize, out)
      }
    }
  }

  private func attend(
    _ scratch: AttentionScratch, queries: Int, _ cache: KVLayer, _ page: Int, _ head: Int,
    _ out: UnsafeMutablePointer<Float>
  ) {
    guard let memory = cache.page(page, head: head) else { return }
    table.attendPage(
      PageAttention(
        layout: cache.layout, page: UnsafeRawPointer(memory), queries: scratch.queries, queryCount: queries,
        lower: scratch.lower, upper: scratch.upper, scores: scratch.scores, workspace: scratch.workspace, out: out))
  }
}

/// Norm and rotation of queries and keys: of a shape's parameters the numbers and addresses, so that tasks count no
/// references.
private struct Rotation {
  private let queryNorm: Norm?
  private let keyNorm: Norm?
  private let headSize: Int
  private let rotated: Int
  private let pairing: RotaryPairing
  private let cosines: UnsafePointer<Float>
  private let sines: UnsafePointer<Float>

  private struct Norm {
    let weight: UnsafePointer<Float>
    let epsilon: Float

    init(_ norm: RMSNorm) {
      weight = norm.weight.base
      epsilon = norm.epsilon
    }
  }

  /// - Parameter shape: outlives this.
  init(
    _ shape: AttentionShape, _ rotated: Int, _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>
  ) {
    queryNorm = shape.queryNorm.map(Norm.init)
    keyNorm = shape.keyNorm.map(Norm.init)
    headSize = shape.headSize
    pairing = shape.pairing
    self.rotated = rotated
    self.cosines = cosines
    self.sines = sines
  }

  func rotateQueries(_ x: UnsafeMutablePointer<Float>, _ heads: Int, at position: Int, _ table: KernelTable) {
    rotate(x, heads, queryNorm, position, table)
  }

  func rotateKeys(_ x: UnsafeMutablePointer<Float>, _ heads: Int, at position: Int, _ table: KernelTable) {
    rotate(x, heads, keyNorm, position, table)
  }

  private func rotate(
    _ x: UnsafeMutablePointer<Float>, _ heads: Int, _ norm: Norm?, _ position: Int, _ table: KernelTable
  ) {
    if let norm {
      for head in 0..<heads {
        table.rmsNorm(x + head * headSize, norm.weight, norm.epsilon, headSize, x + head * headSize)
      }
    }
    let angles = position * (rotated / 2)
    table.rotate(x, heads, headSize, rotated, cosines + angles, sines + angles, pairing)
  }
}

/// The positions that a query sees.
private struct Visible {
  let positions: Range<Int>

  init(position: Int, window: Int?) {
    positions = max(0, position + 1 - (window ?? position + 1))..<position + 1
  }

  var pages: Range<Int> {
    positions.lowerBound / KVPageLayout.positions..<(positions.upperBound - 1) / KVPageLayout.positions + 1
  }

  /// The slots of a page that are seen; empty where it holds none.
  func slots(of page: Int) -> Range<Int> {
    let first = page * KVPageLayout.positions
    let lower = min(max(positions.lowerBound - first, 0), KVPageLayout.positions)
    let upper = min(max(positions.upperBound - first, 0), KVPageLayout.positions)
    return lower..<max(lower, upper)
  }
}

/// A worker's scratch memory as the arguments of the attention kernel.
private struct AttentionScratch {
  let workspace: UnsafeMutableRawPointer
  let queries: UnsafeMutablePointer<Float>
  let scores: UnsafeMutablePointer<Float>
  let lower: UnsafeMutablePointer<Int32>
  let upper: UnsafeMutablePointer<Int32>

  static func byteCount(queries: Int, _ layout: KVPageLayout) -> Int {
    PageAttention.workspaceByteCount(layout) + (queries * (layout.headSize + KVPageLayout.positions + 2) * 4 + 63) / 64
      * 64
  }

  init(base: UnsafeMutableRawPointer, queries count: Int, _ layout: KVPageLayout) {
    workspace = base
    scores = (base + PageAttention.workspaceByteCount(layout)).assumingMemoryBound(to: Float.self)
    queries = scores + count * KVPageLayout.positions
    lower = UnsafeMutableRawPointer(queries + count * layout.headSize).assumingMemoryBound(to: Int32.self)
    upper = lower + count
  }

  /// The queries of some rows that belong to a key head, scaled.
  func take(_ q: FloatMatrix, rows: Range<Int>, head: Int, _ shape: AttentionShape) {
    let count = shape.groupSize * shape.headSize
    for (i, row) in rows.enumerated() { (queries + i * count).update(from: q.row(row) + head * count, count: count) }
    scale(rows.count * count, by: shape.scale)
  }

  func scale(_ count: Int, by factor: Float) {
    for i in 0..<count { queries[i] *= factor }
  }

  func limit(_ visible: Visible, queries range: Range<Int>, to page: Int) {
    let slots = visible.slots(of: page)
    for query in range {
      lower[query] = Int32(slots.lowerBound)
      upper[query] = Int32(slots.upperBound)
    }
  }
}
