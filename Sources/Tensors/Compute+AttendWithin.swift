import KingletErrors
import KingletKernels

extension Compute {
  /// Attention within whole sequences that lie packed, one after another, in the rows of `q`, `k` and `v`: nobody sees
  /// another sequence, and nothing is padded or kept.
  ///
  /// Queries and keys are normalised and rotated by their positions in their sequences; the heads' outputs go to `output`,
  /// `[rows, headCount * headSize]`. As in a cache, keys and values are taken in pages of 256 positions from the beginning
  /// of their sequence and merged in ascending order: a sequence gives the same bits alone or among others.
  ///
  /// - Parameters:
  ///   - sequences: Rows of each sequence, in ascending order; together all rows.
  ///   - rotary: Nil where positions are not rotated.
  ///   - slopes: Of linear biases, one for each query head; nil for none.
  /// - Throws: `.invalidArgument` for sizes that do not fit, or `.outOfMemory`.
  public func attend(
    within sequences: [Range<Int>], q: FloatMatrix, k: FloatMatrix, v: FloatMatrix, shape: AttentionShape,
    rotary: RotaryTable?, span: AttentionSpan, slopes: FloatVector?, to output: FloatMatrix
  ) throws(KingletError) {
    let (width, keyWidth) = (shape.headCount * shape.headSize, shape.keyHeadCount * shape.headSize)
    guard q.columns == width, output.columns == width, k.columns == keyWidth, v.columns == keyWidth,
      k.rows == q.rows, v.rows == q.rows, sequences.tile(q.rows), rotary.map({ $0.rotated <= shape.headSize }) ?? true,
      slopes.map({ $0.count == shape.headCount }) ?? true
    else {
      throw KingletError(.invalidArgument, "queries, keys, values, sequences and output are not of one shape")
    }
    try output.resize(rows: q.rows)
    let longest = sequences.map(\.count).max() ?? 0
    if let rotary {
      rotary.reserve(longest)
      try rotary.withPointers { (cosines, sines) throws(KingletError) in
        rotate(sequences, q, k, shape, Rotation(shape, rotary.rotated, cosines, sines))
      }
    }
    try attendTiles(sequences, q, k, v, shape, span, slopes?.base, output)
  }

  private func rotate(
    _ sequences: [Range<Int>], _ q: FloatMatrix, _ k: FloatMatrix, _ shape: AttentionShape, _ rotation: Rotation
  ) {
    let positions = sequences.flatMap { 0..<$0.count }
    forEachTokenRange(q.rows) { rows, _ in
      for row in rows {
        rotation.rotateQueries(q.row(row), shape.headCount, at: positions[row], table)
        rotation.rotateKeys(k.row(row), shape.keyHeadCount, at: positions[row], table)
      }
    }
  }

  /// One task: the queries of some tokens of a sequence, for one key head, through all pages that they see.
  ///
  /// All of a page's queries, so that a page is seldom made twice; more would not fit the caches.
  private func attendTiles(
    _ sequences: [Range<Int>], _ q: FloatMatrix, _ k: FloatMatrix, _ v: FloatMatrix, _ shape: AttentionShape,
    _ span: AttentionSpan, _ slopes: UnsafePointer<Float>?, _ output: FloatMatrix
  ) throws(KingletError) {
    let tileRows = max(1, KVPageLayout.positions / shape.groupSize)
    let tiles = sequences.flatMap { sequence in
      stride(from: 0, to: sequence.count, by: tileRows).map {
        SequenceTile(sequence: sequence, positions: $0..<min(sequence.count, $0 + tileRows))
      }
    }
    let layout = KVPageLayout(headSize: shape.headSize, type: .f32)
    let most = tileRows * shape.groupSize
    let own = AttentionScratch.byteCount(queries: most, layout)
    let resultCount = most * PageAttention.resultStride(layout)
    let pageOffset = own + (2 * resultCount * MemoryLayout<Float>.stride + 63) / 64 * 64
    try reserveScratch(pageOffset + layout.byteCount)
    tiles.withUnsafeBufferPointer { tiles in
      pool.run(tiles.count * shape.keyHeadCount, threads: threads) { task, worker in
        let (tile, head) = (tiles[task / shape.keyHeadCount], task % shape.keyHeadCount)
        let memory = self.scratch(worker)
        let scratch = AttentionScratch(base: memory, queries: most, layout)
        let results = (memory + own).assumingMemoryBound(to: Float.self)
        let page = KeyValuePage(layout: layout, memory: memory + pageOffset)
        let rows = tile.rows
        scratch.take(q, rows: rows, head: head, shape)
        let seen = tile.positions.map { Visible(position: $0, span: span, count: tile.sequence.count) }
        let pages = seen[0].pages.lowerBound..<seen[seen.count - 1].pages.upperBound
        for index in pages {
          page.fill(k, v, tile, seen, page: index, head: head, table)
          let out = index == pages.lowerBound ? results : results + resultCount
          attend(scratch, tile, seen, shape, slopes, layout, page.memory, index, head, out)
          guard index > pages.lowerBound else { continue }
          merge(results, out, queries: rows.count * shape.groupSize, layout)
        }
        finish(results, rows: rows, head: head, shape, layout, output)
      }
    }
  }

  private func attend(
    _ scratch: AttentionScratch, _ tile: SequenceTile, _ seen: [Visible], _ shape: AttentionShape,
    _ slopes: UnsafePointer<Float>?, _ layout: KVPageLayout, _ memory: UnsafeMutableRawPointer, _ page: Int,
    _ head: Int, _ out: UnsafeMutablePointer<Float>
  ) {
    let group = shape.groupSize
    for (i, visible) in seen.enumerated() {
      scratch.limit(visible, queries: i * group..<(i + 1) * group, to: page)
    }
    if let slopes {
      for i in 0..<seen.count * group {
        scratch.slopes[i] = slopes[head * group + i % group]
        scratch.slots[i] = Int32(tile.positions.lowerBound + i / group - page * KVPageLayout.positions)
      }
    }
    table.attendPage(
      PageAttention(
        layout: layout, page: UnsafeRawPointer(memory), queries: scratch.queries, queryCount: seen.count * group,
        lower: scratch.lower, upper: scratch.upper,
        bias: slopes == nil ? nil : LinearBias(slopes: scratch.slopes, slots: scratch.slots), scores: scratch.scores,
        workspace: scratch.workspace, out: out))
  }
}

/// Tokens of one sequence that are queries of one task.
private struct SequenceTile {
  /// Rows of the whole sequence.
  let sequence: Range<Int>
  let positions: Range<Int>

  var rows: Range<Int> { sequence.lowerBound + positions.lowerBound..<sequence.lowerBound + positions.upperBound }
}

/// A page of keys and values, as floats, that exists for one task.
private struct KeyValuePage {
  let layout: KVPageLayout
  let memory: UnsafeMutableRawPointer

  /// Takes in what the queries see of a page of their sequence.
  func fill(
    _ k: FloatMatrix, _ v: FloatMatrix, _ tile: SequenceTile, _ seen: [Visible], page: Int, head: Int,
    _ table: KernelTable
  ) {
    var (lower, upper) = (KVPageLayout.positions, 0)
    for visible in seen {
      let slots = visible.slots(of: page)
      guard !slots.isEmpty else { continue }
      (lower, upper) = (min(lower, slots.lowerBound), max(upper, slots.upperBound))
    }
    let row = tile.sequence.lowerBound + page * KVPageLayout.positions
    let offset = head * layout.headSize
    let floats = memory.assumingMemoryBound(to: Float.self)
    var slot = lower
    while slot < upper {
      let (key, value) = (k.row(row + slot) + offset, v.row(row + slot) + offset)
      if slot % KVPageLayout.blockPositions == 0, slot + KVPageLayout.blockPositions <= upper {
        table.interleave(key, k.stride, layout.headSize, floats + slot * layout.headSize, KVPageLayout.blockPositions)
        let values = floats + layout.valueOffset / MemoryLayout<Float>.stride + slot * layout.valueStride
        for i in 0..<KVPageLayout.blockPositions {
          (values + i * layout.valueStride).update(from: value + i * v.stride, count: layout.headSize)
        }
        slot += KVPageLayout.blockPositions
      } else {
        table.appendKeyValue(KVAppend(layout: layout, page: memory, slot: slot, key: key, value: value))
        slot += 1
      }
    }
  }
}
