import KingletErrors
import KingletKernels

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
        if page > pages.lowerBound { merge(running, partial, queries: queries, cache.layout) }
      }
      finish(running, rows: rows, head: head, shape, cache.layout, output)
    }
  }

  /// Merges the results of a page into those of the pages before it.
  func merge(
    _ running: UnsafeMutablePointer<Float>, _ page: UnsafePointer<Float>, queries: Int, _ layout: KVPageLayout
  ) {
    let stride = PageAttention.resultStride(layout)
    for query in 0..<queries { table.mergePages(running + query * stride, page + query * stride, layout.valueStride) }
  }

  /// Writes the outputs of the query heads that share a key head.
  func finish(
    _ results: UnsafePointer<Float>, rows: Range<Int>, head: Int, _ shape: AttentionShape, _ layout: KVPageLayout,
    _ output: FloatMatrix
  ) {
    let group = shape.groupSize
    for query in 0..<rows.count * group {
      let out = output.row(rows.lowerBound + query / group) + (head * group + query % group) * shape.headSize
      let result = results + query * PageAttention.resultStride(layout)
      table.finishAttention(result, layout.valueStride, shape.headSize, out)
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
