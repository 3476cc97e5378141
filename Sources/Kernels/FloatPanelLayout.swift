import KingletQuants

/// A panel of rows of F32, F16 or BF16 weights: the matrix transposed, `[column][row]`, each element as in the file.
///
///      column 0         column 1               column C - 1
///      | w r0 … w rR-1 | w r0 … w rR-1 | … … … | w r0 … w rR-1 |
///
/// One vector load brings a column of all rows, so that lane r of a sum belongs to row r.
public struct FloatPanelLayout: Sendable {
  /// Columns transposed at a time: what is read of all rows, and written, stays in the first-level cache.
  private static let columnsAtOnce = 64

  public let type: QuantType
  public let rows: Int

  /// - Parameter type: F32, F16 or BF16.
  public init(type: QuantType, rows: Int) {
    self.type = type
    self.rows = rows
  }

  public func panelByteCount(columns: Int) -> Int { columns * rows * type.blockByteCount }

  /// Packs `rowCount` rows; missing rows of the panel become zeros.
  public func pack(
    _ source: UnsafeRawPointer, rowByteCount: Int, rowCount: Int, columns: Int, into panel: UnsafeMutableRawPointer
  ) {
    if rowCount < rows { panel.initializeMemory(as: UInt8.self, repeating: 0, count: panelByteCount(columns: columns)) }
    if type == .f32 {
      pack(UInt32.self, source, rowByteCount, rowCount, columns, panel)
    } else {
      pack(UInt16.self, source, rowByteCount, rowCount, columns, panel)
    }
  }

  /// The inverse of `pack` for some rows of the panel.
  public func unpack(
    _ panel: UnsafeRawPointer, columns: Int, firstRow: Int, rowCount: Int, rowByteCount: Int,
    into destination: UnsafeMutableRawPointer
  ) {
    if type == .f32 {
      unpack(UInt32.self, panel, columns, firstRow, rowCount, rowByteCount, destination)
    } else {
      unpack(UInt16.self, panel, columns, firstRow, rowCount, rowByteCount, destination)
    }
  }

  private func pack<Word: FixedWidthInteger & BitwiseCopyable>(
    _: Word.Type, _ source: UnsafeRawPointer, _ rowByteCount: Int, _ rowCount: Int, _ columns: Int,
    _ panel: UnsafeMutableRawPointer
  ) {
    let size = MemoryLayout<Word>.size
    for first in stride(from: 0, to: columns, by: Self.columnsAtOnce) {
      for row in 0..<rowCount {
        var word = source + row * rowByteCount + first * size
        var lane = panel + (first * rows + row) * size
        for _ in first..<min(columns, first + Self.columnsAtOnce) {
          lane.storeBytes(of: word.loadUnaligned(as: Word.self), as: Word.self)
          word += size
          lane += rows * size
        }
      }
    }
  }

  private func unpack<Word: FixedWidthInteger & BitwiseCopyable>(
    _: Word.Type, _ panel: UnsafeRawPointer, _ columns: Int, _ firstRow: Int, _ rowCount: Int, _ rowByteCount: Int,
    _ destination: UnsafeMutableRawPointer
  ) {
    let size = MemoryLayout<Word>.size
    for first in stride(from: 0, to: columns, by: Self.columnsAtOnce) {
      for row in 0..<rowCount {
        var word = destination + row * rowByteCount + first * size
        var lane = panel + (first * rows + firstRow + row) * size
        for _ in first..<min(columns, first + Self.columnsAtOnce) {
          word.storeBytes(of: lane.loadUnaligned(as: Word.self), as: Word.self)
          word += size
          lane += rows * size
        }
      }
    }
  }
}
