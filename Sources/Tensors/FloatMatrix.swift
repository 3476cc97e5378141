import KingletErrors

/// Activations: `rows` by `columns` floats, row-major, with rows padded to whole vectors.
///
/// Not `Sendable`: it belongs to one forward pass, whose kernels write disjoint parts of it from several threads.
public final class FloatMatrix {
  public let columns: Int
  /// Floats from one row to the next.
  public let stride: Int
  public private(set) var rows = 0
  /// Where row 0 begins. Kept beside the memory that it is of: whoever asks for a row counts no reference.
  private(set) var base: UnsafeMutablePointer<Float> = FloatMatrix.empty
  private var memory: Memory?
  private var capacity = 0

  public init(columns: Int) {
    self.columns = columns
    // A row is written by whole panels of 16 rows of weights, also where their number is no multiple of 16.
    stride = (columns + 15) / 16 * 16
  }

  /// Sets the number of rows; contents are kept only if the matrix need not grow.
  public func resize(rows: Int) throws(KingletError) {
    if rows > capacity {
      // Empty, should there be no memory for more.
      (memory, base, capacity, self.rows) = (nil, FloatMatrix.empty, 0, 0)
      let grown = try Memory(byteCount: rows * stride * MemoryLayout<Float>.stride)
      (memory, base, capacity) = (grown, grown.base.assumingMemoryBound(to: Float.self), rows)
    }
    self.rows = rows
  }

  /// Row `index`, which must be below `rows`.
  func row(_ index: Int) -> UnsafeMutablePointer<Float> { base + index * stride }

  // What `base` is before the first `resize`, when there are no rows to be read or written.
  nonisolated(unsafe) private static let empty = UnsafeMutablePointer<Float>.allocate(capacity: 1)

  /// Copies row `index` to `destination`, which is resized to `columns`.
  public func copyRow(_ index: Int, to destination: inout [Float]) {
    precondition(index >= 0 && index < rows)
    guard destination.count == columns else {
      return destination = Array(UnsafeBufferPointer(start: row(index), count: columns))
    }
    destination.withUnsafeMutableBufferPointer { buffer in
      guard let out = buffer.baseAddress else { return }
      out.update(from: row(index), count: columns)
    }
  }

  /// Fills row `index` with `values`, over and over if it is longer.
  public func fillRow(_ index: Int, repeating values: [Float]) {
    precondition(index >= 0 && index < rows && !values.isEmpty)
    for column in 0..<columns { row(index)[column] = values[column % values.count] }
  }

  /// Becomes a copy of some rows of `other`, which has as many columns.
  public func takeRows(_ indices: some Collection<Int>, of other: FloatMatrix) throws(KingletError) {
    let present = 0..<other.rows
    precondition(indices.allSatisfy { present.contains($0) } && other.columns == columns)
    try resize(rows: indices.count)
    for (i, index) in indices.enumerated() { row(i).update(from: other.row(index), count: stride) }
  }
}
