import KingletErrors
import KingletKernels

extension Compute {
  /// Causal attention of the rows of `q`, `k` and `v`, which stand at positions `start …`, over what `cache` holds.
  public func attend(
    q: FloatMatrix, k: FloatMatrix, v: FloatMatrix, shape: AttentionShape, rotary: RotaryTable, cache: KVLayer,
    start: Int, to output: FloatMatrix
  ) throws(KingletError) {
    try attend(
      q: q, k: k, v: v, shape: shape, rotary: rotary,
      sequences: [SequenceRows(rows: 0..<q.rows, cache: cache, start: start)], to: output)
  }

  /// Causal attention of the rows of `q`, `k` and `v`, those of each sequence over what its own cache holds.
  ///
  /// Normalises and rotates queries and keys, whose rows may be changed by it, appends keys and values to the caches, and
  /// writes the heads' outputs to `output`, `[rows, headCount * headSize]`. Softmax is taken over each page apart and the
  /// results are merged in ascending order, in one row or many, on one thread or many, alone or beside other sequences:
  /// the same sums in the same order.
  ///
  /// - Parameter sequences: In the order of their rows, which together are all; no two have the same cache.
  /// - Throws: `.invalidArgument` for sizes that do not fit, or `.outOfMemory`.
  public func attend(
    q: FloatMatrix, k: FloatMatrix, v: FloatMatrix, shape: AttentionShape, rotary: RotaryTable,
    sequences: [SequenceRows], to output: FloatMatrix
  ) throws(KingletError) {
    let (width, keyWidth) = (shape.headCount * shape.headSize, shape.keyHeadCount * shape.headSize)
    guard q.columns == width, output.columns == width, k.columns == keyWidth, v.columns == keyWidth,
      k.rows == q.rows, v.rows == q.rows, rotary.rotated <= shape.headSize, let first = sequences.first,
      sequences.map(\.rows).tile(q.rows),
      sequences.allSatisfy({
        $0.cache.headCount == shape.keyHeadCount && $0.cache.layout.headSize == shape.headSize
          && $0.cache.layout == first.cache.layout && $0.start >= 0
      })
    else {
      throw KingletError(.invalidArgument, "queries, keys, values, caches and output are not of one shape")
    }
    try output.resize(rows: q.rows)
    for sequence in sequences { try sequence.cache.reserve(upTo: sequence.start + sequence.rows.count) }
    rotary.reserve(sequences.map { $0.start + $0.rows.count }.max() ?? 0)
    try rotary.withPointers { (cosines, sines) throws(KingletError) in
      let rotation = Rotation(shape, rotary.rotated, cosines, sines)
      if sequences.count == q.rows {
        try attendSingles(q, k, v, shape, rotation, sequences, output)
      } else {
        forEachBlock(of: sequences, rows: q.rows) { (sequence, rows) in
          for row in rows {
            let position = sequence.position(ofRow: row)
            rotation.rotateQueries(q.row(row), shape.headCount, at: position, table)
            rotation.rotateKeys(k.row(row), shape.keyHeadCount, at: position, table)
            for head in 0..<shape.keyHeadCount {
              let offset = head * shape.headSize
              guard let page = sequence.cache.page(position / KVPageLayout.positions, head: head) else { continue }
              append(k.row(row) + offset, v.row(row) + offset, at: position, to: page, sequence.cache.layout)
            }
          }
        }
        try attendMany(q, shape, sequences, output)
      }
    }
  }

  /// Calls `body` for ranges of rows that make up all of them, in parallel from `serialTokens` on, none of which shares a
  /// block of keys with another.
  private func forEachBlock(
    of sequences: [SequenceRows], rows: Int, _ body: (SequenceRows, Range<Int>) -> Void
  ) {
    if rows < Self.serialTokens { return sequences.forEach { body($0, $0.rows) } }
    let size = KVPageLayout.blockPositions
    let blocks = sequences.flatMap { sequence in
      (sequence.start / size..<(sequence.start + sequence.rows.count + size - 1) / size).map { block in
        let begin = sequence.rows.lowerBound + block * size - sequence.start
        return (sequence, (begin..<begin + size).clamped(to: sequence.rows))
      }
    }
    pool.run(blocks.count, threads: threads) { task, _ in body(blocks[task].0, blocks[task].1) }
  }

  /// - Parameter page: The one that holds `position`.
  func append(
    _ key: UnsafePointer<Float>, _ value: UnsafePointer<Float>, at position: Int,
    to page: UnsafeMutableRawPointer, _ layout: KVPageLayout
  ) {
    table.appendKeyValue(
      KVAppend(layout: layout, page: page, slot: position % KVPageLayout.positions, key: key, value: value))
  }

  /// Several rows: a task takes about 48 queries for one key head through all pages. More would not fit the caches, and
  /// fewer widen keys and values more often.
  private func attendMany(
    _ q: FloatMatrix, _ shape: AttentionShape, _ sequences: [SequenceRows], _ output: FloatMatrix
  ) throws(KingletError) {
    guard let layout = sequences.first?.cache.layout else { return }
    let group = shape.groupSize
    let tileRows = max(1, 48 / group)
    let stride = PageAttention.resultStride(layout)
    let most = tileRows * group
    let own = AttentionScratch.byteCount(queries: most, layout)
    let resultByteCount = most * stride * MemoryLayout<Float>.stride
    try reserveScratch(own + 2 * resultByteCount)
    var tiles = sequences.flatMap { sequence in
      Swift.stride(from: sequence.rows.lowerBound, to: sequence.rows.upperBound, by: tileRows).map {
        (sequence: sequence, rows: $0..<min(sequence.rows.upperBound, $0 + tileRows))
      }
    }
    // Those that see the most go first, so that no long task is left for the end.
    tiles.sort { $0.sequence.position(ofRow: $0.rows.upperBound) > $1.sequence.position(ofRow: $1.rows.upperBound) }
    pool.run(tiles.count * shape.keyHeadCount, threads: threads) { task, worker in
      let ((sequence, rows), head) = (tiles[task / shape.keyHeadCount], task % shape.keyHeadCount)
      let queries = rows.count * group
      let scratch = AttentionScratch(base: self.scratch(worker), queries: most, layout)
      let running = (self.scratch(worker) + own).assumingMemoryBound(to: Float.self)
      let partial = running + most * stride
      scratch.take(q, rows: rows, head: head, shape)
      let seen = rows.map { Visible(position: sequence.position(ofRow: $0), window: sequence.cache.window) }
      let pages = seen[0].pages.lowerBound..<seen[seen.count - 1].pages.upperBound
      for page in pages {
        for (i, visible) in seen.enumerated() {
          scratch.limit(visible, queries: i * group..<(i + 1) * group, to: page)
        }
        guard let memory = sequence.cache.page(page, head: head) else { continue }
        attend(scratch, queries: queries, memory, layout, page == pages.lowerBound ? running : partial)
        if page > pages.lowerBound { merge(running, partial, queries: queries, layout) }
      }
      finish(running, rows: rows, head: head, shape, layout, output)
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

  func attend(
    _ scratch: AttentionScratch, queries: Int, _ page: UnsafeRawPointer, _ layout: KVPageLayout,
    _ out: UnsafeMutablePointer<Float>, upcoming: KeyStreams? = nil
  ) {
    table.attendPage(
      PageAttention(
        layout: layout, page: page, queries: scratch.queries, queryCount: queries,
        lower: scratch.lower, upper: scratch.upper, scores: scratch.scores, workspace: scratch.workspace, out: out,
        upcoming: upcoming))
  }
}
