import KingletKernels

/// A worker's scratch memory as the arguments of the attention kernel.
struct AttentionScratch {
  let workspace: UnsafeMutableRawPointer
  let queries: UnsafeMutablePointer<Float>
  let scores: UnsafeMutablePointer<Float>
  let lower: UnsafeMutablePointer<Int32>
  let upper: UnsafeMutablePointer<Int32>
  /// For linear biases: slopes, and the slots of the queries themselves.
  let slopes: UnsafeMutablePointer<Float>
  let slots: UnsafeMutablePointer<Int32>

  static func byteCount(queries: Int, _ layout: KVPageLayout) -> Int {
    PageAttention.workspaceByteCount(layout) + (queries * (layout.headSize + KVPageLayout.positions + 4) * 4 + 63) / 64
      * 64
  }

  init(base: UnsafeMutableRawPointer, queries count: Int, _ layout: KVPageLayout) {
    workspace = base
    scores = (base + PageAttention.workspaceByteCount(layout)).assumingMemoryBound(to: Float.self)
    queries = scores + count * KVPageLayout.positions
    slopes = queries + count * layout.headSize
    slots = UnsafeMutableRawPointer(slopes + count).assumingMemoryBound(to: Int32.self)
    lower = slots + count
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
