import KingletErrors
import KingletKernels
import KingletQuants

/// A factor of a low-rank update in the panels that kernels read.
///
/// `@unchecked Sendable`: written while it is made, and only read afterwards.
final class LowRankFactor: @unchecked Sendable {
  let precision: FactorPrecision
  let byteCount: Int
  let base: UnsafeRawPointer
  private let memory: Memory

  /// A, `[rank, columns]`, row by row.
  convenience init(first a: [Float], columns: Int, precision: FactorPrecision, in memory: FactorMemory)
    throws(KingletError)
  {
    let (panelRows, panelColumns) = (LowRankProjection.panelRows, LowRankProjection.panelColumns)
    let panelCount = LowRankProjection.panelCount(columns: columns)
    let rank = a.count / max(1, columns)
    var panels = [Float](repeating: 0, count: (rank + panelRows - 1) / panelRows * panelCount)
    for k in 0..<rank {
      let row = k / panelRows * panelCount + k % panelRows * panelColumns
      for c in 0..<columns {
        panels[row + c / panelColumns * panelColumns * panelRows + c % panelColumns] = a[k * columns + c]
      }
    }
    try self.init(panels, precision, in: memory)
  }

  /// B, `[rows, rank]`, row by row.
  convenience init(second b: [Float], rank: Int, precision: FactorPrecision, in memory: FactorMemory)
    throws(KingletError)
  {
    let (rows, panelRows) = (b.count / max(1, rank), LowRankAddition.panelRows)
    var panels = [Float](repeating: 0, count: (rows + panelRows - 1) / panelRows * panelRows * rank)
    for row in 0..<rows {
      let first = row / panelRows * panelRows * rank + row % panelRows
      for k in 0..<rank { panels[first + k * panelRows] = b[row * rank + k] }
    }
    try self.init(panels, precision, in: memory)
  }

  private init(_ panels: [Float], _ precision: FactorPrecision, in memory: FactorMemory) throws(KingletError) {
    let fitsHalves = panels.allSatisfy { abs($0) <= largestHalf }
    self.precision = precision == .half && fitsHalves ? .half : .single
    let type: QuantType = self.precision == .half ? .f16 : .f32
    let bytes = type.bytes(panels) ?? []
    byteCount = bytes.count
    // Kernels may read as far as another row of a panel goes.
    let slack = LowRankAddition.panelRows * self.precision.byteCount
    let own = try memory.take(byteCount + slack)
    self.memory = own.memory
    UnsafeMutableRawBufferPointer(start: own.base, count: byteCount).copyBytes(from: bytes)
    base = UnsafeRawPointer(own.base)
  }
}

private let largestHalf: Float = 65504

/// Memory for the factors of an adapter, one behind the other in the order they are used, in slabs that huge pages can
/// back: scattered over pages of 4 kB, every other access would miss in the address translation.
public final class FactorMemory {
  private static let slabByteCount = 4 << 20
  private var slab: Memory?
  private var used = 0

  public init() {}

  fileprivate func take(_ byteCount: Int) throws(KingletError) -> (memory: Memory, base: UnsafeMutableRawPointer) {
    let size = Arena.padded(byteCount) ?? byteCount
    if let slab, slab.byteCount - used >= size {
      used += size
      return (slab, slab.base + (used - size))
    }
    let slab = try Memory(byteCount: max(size, Self.slabByteCount))
    (self.slab, used) = (slab, size)
    return (slab, slab.base)
  }
}
