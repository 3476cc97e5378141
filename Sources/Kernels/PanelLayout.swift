import KingletQuants

/// A panel of rows as a transposition of the file's blocks.
///
/// The words of a block are kept as they are; a panel block holds word 0 of all its rows, then word 1 of all rows, and
/// so on, so that one vector load brings the same columns of every row. Only two things are rearranged: bit planes
/// (Q5) become masks of four bits a row or are sorted by column, and the signed 6-bit scales of Q3_K and IQ4_XS widen to
/// bytes.
public struct PanelLayout: Sendable {
  /// A run of equal elements within a block.
  public enum Field: Sendable, Equatable {
    /// `count` 32-bit words at a byte offset of the block.
    case words(at: Int, count: Int)
    /// `count` 16-bit halves.
    case halves(at: Int, count: Int)
    /// `count` bytes.
    case bytes(at: Int, count: Int)
    /// A 32-bit plane, one bit a column, as eight masks: four bits (four columns) of each row.
    case bitPlane(at: Int)
    /// A 32-bit plane, one bit a column, as a word: bit j of byte c is that of column 4j + c, so that one shift brings
    /// four columns of every row into place.
    case bitColumns(at: Int)
    /// Signed 6-bit scales, packed as a type packs them, as bytes.
    case sixBitScales(at: Int, coding: SixBitCoding)

    /// Bytes of this field for one row of a panel.
    var panelByteCount: Int {
      switch self {
      case .words(_, let count): 4 * count
      case .halves(_, let count): 2 * count
      case .bytes(_, let count): count
      case .bitPlane, .bitColumns: 4
      case .sixBitScales(_, let coding): coding.count
      }
    }
  }

  public let type: QuantType
  public let rows: Int
  public let fields: [Field]
  /// Bytes of a panel block.
  public let blockByteCount: Int

  public init(type: QuantType, rows: Int, fields: [Field]) {
    self.type = type
    self.rows = rows
    self.fields = fields
    self.blockByteCount = rows * fields.reduce(0) { $0 + $1.panelByteCount }
  }

  public func panelByteCount(columns: Int) -> Int { columns / type.blockSize * blockByteCount }

  /// Packs `rowCount` rows; missing rows of the panel become zero bytes, which every type reads as zero weights.
  public func pack(
    _ source: UnsafeRawPointer, rowByteCount: Int, rowCount: Int, columns: Int, into panel: UnsafeMutableRawPointer
  ) {
    if rowCount < rows { panel.initializeMemory(as: UInt8.self, repeating: 0, count: panelByteCount(columns: columns)) }
    var out = panel
    for block in 0..<columns / type.blockSize {
      let blocks = source + block * type.blockByteCount
      for field in fields {
        transpose(field, blocks, rowByteCount, rowCount, out)
        out += rows * field.panelByteCount
      }
    }
  }

  /// The inverse of `pack` for some rows of the panel.
  public func unpack(
    _ panel: UnsafeRawPointer, columns: Int, firstRow: Int, rowCount: Int, rowByteCount: Int,
    into destination: UnsafeMutableRawPointer
  ) {
    var source = panel
    for block in 0..<columns / type.blockSize {
      let blocks = destination + block * type.blockByteCount
      for field in fields {
        restore(field, source, firstRow, rowCount, rowByteCount, blocks)
        source += rows * field.panelByteCount
      }
    }
  }

  private func transpose(
    _ field: Field, _ blocks: UnsafeRawPointer, _ rowByteCount: Int, _ rowCount: Int, _ out: UnsafeMutableRawPointer
  ) {
    switch field {
    case .words(let offset, let count):
      transpose(UInt32.self, blocks + offset, rowByteCount, rowCount, count, out)
    case .halves(let offset, let count):
      transpose(UInt16.self, blocks + offset, rowByteCount, rowCount, count, out)
    case .bytes(let offset, let count):
      transpose(UInt8.self, blocks + offset, rowByteCount, rowCount, count, out)
    case .bitPlane(let offset):
      for row in stride(from: 0, to: rowCount, by: 2) {
        let planes = blocks + row * rowByteCount + offset
        let even = planes.loadUnaligned(as: UInt32.self)
        let odd = row + 1 < rowCount ? (planes + rowByteCount).loadUnaligned(as: UInt32.self) : 0
        for group in 0..<8 {
          let shift = UInt32(truncatingIfNeeded: 4 &* group)
          let byte = UInt8(truncatingIfNeeded: (even &>> shift) & 0xF | (odd &>> shift) << 4)
          out.storeBytes(of: byte, toByteOffset: group &* (rows / 2) &+ row / 2, as: UInt8.self)
        }
      }
    case .bitColumns(let offset):
      for row in 0..<rowCount {
        let plane = (blocks + row * rowByteCount + offset).loadUnaligned(as: UInt32.self)
        out.storeBytes(of: BitColumns.sorted(plane), toByteOffset: 4 * row, as: UInt32.self)
      }
    case .sixBitScales(let offset, let coding):
      for row in 0..<rowCount {
        coding.widen(blocks + row * rowByteCount + offset, into: out + row, step: rows)
      }
    }
  }

  private func restore(
    _ field: Field, _ source: UnsafeRawPointer, _ firstRow: Int, _ rowCount: Int, _ rowByteCount: Int,
    _ blocks: UnsafeMutableRawPointer
  ) {
    switch field {
    case .words(let offset, let count):
      restore(UInt32.self, source, firstRow, rowCount, rowByteCount, count, blocks + offset)
    case .halves(let offset, let count):
      restore(UInt16.self, source, firstRow, rowCount, rowByteCount, count, blocks + offset)
    case .bytes(let offset, let count):
      restore(UInt8.self, source, firstRow, rowCount, rowByteCount, count, blocks + offset)
    case .bitPlane(let offset):
      for row in 0..<rowCount {
        var plane: UInt32 = 0
        for group in 0..<8 {
          let byte = source.load(fromByteOffset: group * rows / 2 + (firstRow + row) / 2, as: UInt8.self)
          plane |= UInt32((firstRow + row) % 2 == 0 ? byte & 0xF : byte >> 4) << UInt32(4 * group)
        }
        (blocks + row * rowByteCount + offset).storeBytes(of: plane, as: UInt32.self)
      }
    case .bitColumns(let offset):
      for row in 0..<rowCount {
        let word = source.loadUnaligned(fromByteOffset: 4 * (firstRow + row), as: UInt32.self)
        (blocks + row * rowByteCount + offset).storeBytes(of: BitColumns.restored(word), as: UInt32.self)
      }
    case .sixBitScales(let offset, let coding):
      for row in 0..<rowCount {
        coding.narrow(source + firstRow + row, step: rows, into: blocks + row * rowByteCount + offset)
      }
    }
  }

  private func transpose<Word: FixedWidthInteger & BitwiseCopyable>(
    _: Word.Type, _ source: UnsafeRawPointer, _ rowByteCount: Int, _ rowCount: Int, _ count: Int,
    _ out: UnsafeMutableRawPointer
  ) {
    // Pointers that advance, rather than indices: packing is most of the time it takes to load a model.
    let size = MemoryLayout<Word>.size
    let step = rows * size
    for row in 0..<rowCount {
      var word = source + row * rowByteCount
      var lane = out + row * size
      for _ in 0..<count {
        lane.storeBytes(of: word.loadUnaligned(as: Word.self), as: Word.self)
        word += size
        lane += step
      }
    }
  }

  private func restore<Word: FixedWidthInteger & BitwiseCopyable>(
    _: Word.Type, _ source: UnsafeRawPointer, _ firstRow: Int, _ rowCount: Int, _ rowByteCount: Int, _ count: Int,
    _ destination: UnsafeMutableRawPointer
  ) {
    let size = MemoryLayout<Word>.size
    for row in 0..<rowCount {
      let lane = source + (firstRow + row) * size
      let words = destination + row * rowByteCount
      for i in 0..<count {
        words.storeBytes(
          of: lane.loadUnaligned(fromByteOffset: i * rows * size, as: Word.self), toByteOffset: i * size, as: Word.self)
      }
    }
  }
}
