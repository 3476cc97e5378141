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
  /// Normalises and rotates queries and keys in place, appends keys and values to the cache, and writes the heads'
  /// outputs to `output`, `[rows, headCount * headSize]`. Softmax is taken over each page apart and the results are
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
    rotary.withPointers { cosines, sines in
      forEachBlock(rows: q.rows, start: start) { rows in
        for row in rows {
          let angles = (start + row) * (rotary.rotated / 2)
          rotate(q.row(row), shape.headCount, shape.queryNorm, shape, rotary, cosines + angles, sines + angles)
          rotate(k.row(row), shape.keyHeadCount, shape.keyNorm, shape, rotary, cosines + angles, sines + angles)
          append(k.row(row), v.row(row), at: start + row, to: cache)
        }
      }
    }
    if q.rows == 1 {
      try attendOne(q, shape, cache, start, output)
    } else {
      try attendMany(q, shape, cache, start, output)
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

  private func rotate(
    _ x: UnsafeMutablePointer<Float>, _ heads: Int, _ norm: RMSNorm?, _ shape: AttentionShape, _ rotary: RotaryTable,
    _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>
  ) {
    if let norm {
      norm.weight.withPointer { weight in
        for head in 0..<heads {
          let values = x + head * shape.headSize
          table.rmsNorm(values, weight, norm.epsilon, shape.headSize, values)
        }
      }
    }
    table.rotate(x, heads, shape.headSize, rotary.rotated, cosines, sines, shape.pairing)
  }

  private func append(
    _ key: UnsafePointer<Float>, _ value: UnsafePointer<Float>, at position: Int, to cache: KVLayer
  ) {
    let headSize = cache.layout.headSize
    for head in 0..<cache.headCount {
      guard let page = cache.page(position / KVPageLayout.positions, head: head) else { continue }
      table.appendKeyValue(
        KVAppend(
          layout: cache.layout, page: page, slot: position % KVPageLayout.positions, key: key + head * headSize,
          value: value + head * headSize))
    }
  }

  /// A single row: tasks are pages as well as key heads, so that one key head can still use every core.
  private func attendOne(
    _ q: FloatMatrix, _ shape: AttentionShape, _ cache: KVLayer, _ position: Int, _ output: FloatMatrix
  ) throws(KingletError) {
    let seen = Visible(position: position, window: cache.window)
    let pages = seen.pages
    let stride = PageAttention.resultStride(cache.layout)
    let group = shape.groupSize
    let resultCount = group * stride
    try partials.reserve(pages.count * shape.keyHeadCount * resultCount * MemoryLayout<Float>.stride)
    try reserveScratch(AttentionScratch.byteCount(queries: group, cache.layout))
    let results = partials.base.assumingMemoryBound(to: Float.self)
    pool.run(pages.count * shape.keyHeadCount, threads: threads) { task, worker in
      let (page, head) = (pages.lowerBound + task / shape.keyHeadCount, task % shape.keyHeadCount)
      let scratch = AttentionScratch(base: self.scratch(worker), queries: group, cache.layout)
      scratch.take(q, rows: 0..<1, head: head, shape)
      scratch.limit([seen], group, to: page)
      attend(scratch, queries: group, cache, page, head, results + task * resultCount)
    }
    for head in 0..<shape.headCount {
      let (keyHead, query) = (head / group, head % group)
      let running = results + keyHead * resultCount + query * stride
      for page in 1..<max(pages.count, 1) {
        let partial = results + (page * shape.keyHeadCount + keyHead) * resultCount + query * stride
        table.mergePages(running, partial, cache.layout.valueStride)
      }
      table.finishAttention(running, cache.layout.valueStride, shape.headSize, output.row(0) + head * shape.headSize)
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
        scratch.limit(seen, group, to: page)
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
    for (i, row) in rows.enumerated() {
      let (source, target) = (q.row(row) + head * count, queries + i * count)
      for j in 0..<count { target[j] = source[j] * shape.scale }
    }
  }

  func limit(_ seen: [Visible], _ group: Int, to page: Int) {
    for (i, visible) in seen.enumerated() {
      let slots = visible.slots(of: page)
      for query in i * group..<(i + 1) * group {
        lower[query] = Int32(slots.lowerBound)
        upper[query] = Int32(slots.upperBound)
      }
    }
  }
}
