import CIntrinsics
import KingletErrors
import KingletKernels

extension Compute {
  /// Attention of a single row of each sequence: tasks are pages as well as key heads, so that one key head can still use
  /// every core.
  ///
  /// Each task rotates its own queries, and the one that takes the last page of a head appends the key: nothing is left
  /// for one thread to do while the others wait. Who ends the last page of a head merges them all.
  func attendSingles(
    _ q: FloatMatrix, _ k: FloatMatrix, _ v: FloatMatrix, _ shape: AttentionShape, _ rotation: Rotation,
    _ sequences: [SequenceRows], _ output: FloatMatrix
  ) throws(KingletError) {
    guard let layout = sequences.first?.cache.layout else { return }
    let (group, headSize, heads) = (shape.groupSize, shape.headSize, shape.keyHeadCount)
    let resultCount = group * PageAttention.resultStride(layout)
    var rows: [SingleRow] = []
    rows.reserveCapacity(sequences.count)
    for sequence in sequences { rows.append(SingleRow(sequence, after: rows.last, heads: heads)) }
    let taskCount = rows.last?.tasks.upperBound ?? 0
    try partials.reserve(taskCount * resultCount * MemoryLayout<Float>.stride)
    try reserveScratch(AttentionScratch.byteCount(queries: group, layout))
    let results = partials.base.assumingMemoryBound(to: Float.self)
    let scale = shape.scale
    let (queries, keys, values) = (q.base, k.base, v.base)
    let (queryStride, keyStride, valueStride) = (q.stride, k.stride, v.stride)
    countdowns.start(rows.count * heads) { rows[$0 / heads].pages.count }
    withExtendedLifetime(sequences) {
      rows.withUnsafeBufferPointer { rows in
        pool.run(taskCount, threads: threads) { task, worker in
          var index = 0
          while task >= rows[index].tasks.upperBound { index += 1 }
          let row = rows[index]
          let (page, head) = row.place(of: task, heads: heads)
          guard let memory = row.page(page, head: head) else { return }
          fetchFirst(row.keys(memory, page, layout))
          if page == row.pages.upperBound - 1 {
            let key = keys + index * keyStride + head * headSize
            rotation.rotateKeys(key, 1, at: row.position, table)
            append(key, values + index * valueStride + head * headSize, at: row.position, to: memory, layout)
          }
          let scratch = AttentionScratch(base: self.scratch(worker), queries: group, layout)
          scratch.queries.update(
            from: queries + index * queryStride + head * group * headSize, count: group * headSize)
          rotation.rotateQueries(scratch.queries, group, at: row.position, table)
          scratch.scale(group * headSize, by: scale)
          scratch.limit(row.seen, queries: 0..<group, to: page)
          // Tasks are taken in order, but for those that another worker takes.
          let next = task + 1 == row.tasks.upperBound ? min(index + 1, rows.count - 1) : index
          attend(
            scratch, queries: group, memory, layout, results + task * resultCount,
            upcoming: rows[next].keys(ofTask: task + 1, heads: heads, layout))
          guard countdowns.end(index * heads + head) else { return }
          let running = results + (row.tasks.lowerBound + head) * resultCount
          for page in 1..<row.pages.count {
            merge(running, running + page * heads * resultCount, queries: group, layout)
          }
          finish(running, rows: index..<index + 1, head: head, shape, layout, output)
        }
      }
    }
  }

  /// Asks for the keys that are read first, before queries are rotated: the page before has done so unless this is a
  /// worker's first.
  private func fetchFirst(_ keys: KeyStreams) {
    for stream in 0..<4 {
      for line in stride(from: 0, to: min(1024, keys.apart), by: 64) {
        kinglet_prefetch(keys.first + stream * keys.apart + line)
      }
    }
  }
}

/// The row of a sequence that has only one in a pass, as tasks see it: without references (see `ProjectionTask`).
private struct SingleRow {
  private let cache: Unmanaged<KVLayer>
  let position: Int
  let seen: Visible
  let pages: Range<Int>
  /// Page by page, in each of them all key heads.
  let tasks: Range<Int>

  /// - Parameter sequence: outlives the tasks.
  init(_ sequence: SequenceRows, after previous: SingleRow?, heads: Int) {
    cache = .passUnretained(sequence.cache)
    position = sequence.start
    seen = Visible(position: position, window: sequence.cache.window)
    pages = seen.pages
    let first = previous?.tasks.upperBound ?? 0
    tasks = first..<first + pages.count * heads
  }

  func place(of task: Int, heads: Int) -> (page: Int, head: Int) {
    let index = task - tasks.lowerBound
    return (pages.lowerBound + index / heads, index % heads)
  }

  func page(_ index: Int, head: Int) -> UnsafeMutableRawPointer? {
    cache._withUnsafeGuaranteedRef { $0.page(index, head: head) }
  }

  /// What is read of the keys of a page.
  func keys(_ memory: UnsafeRawPointer, _ page: Int, _ layout: KVPageLayout) -> KeyStreams {
    let slots = seen.slots(of: page)
    return KeyStreams(memory, layout, lower: slots.lowerBound, upper: slots.upperBound)
  }

  /// Nil for a task that is of another row.
  func keys(ofTask task: Int, heads: Int, _ layout: KVPageLayout) -> KeyStreams? {
    guard tasks.contains(task) else { return nil }
    let (page, head) = place(of: task, heads: heads)
    return self.page(page, head: head).map { keys($0, page, layout) }
  }
}
