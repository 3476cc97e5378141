import CIntrinsics

// The types with blocks of 32 columns. A panel block is the file's block with its 32-bit words transposed over 8 rows:
//
//      Q4_0  144   | g 0 … g 3 (32 each)     | d x 8 |            w = d (q - 8)
//      Q4_1  160   | g 0 … g 3               | d x 8 | m x 8 |    w = d q + m
//      Q5_0  176   | g 0 … g 3 | k (32)      | d x 8 |            w = d (q - 16)
//      Q5_1  192   | g 0 … g 3 | k           | d x 8 | m x 8 |    w = d q + m
//      Q8_0  272   | w 0 … w 7 (32 each)     | d x 8 |            w = d q
//
// Group g: lane r is a word of row r; its low nibbles are columns 4g ..< 4g + 4, its high nibbles the same plus 16.
// Plane k: bit j of byte c of lane r is the fifth bit of column 4j + c of row r. d and m are halves.
//
// Per 32 columns and 8 rows, to unpack: Q4 8 loads + 12 operations, Q5 23 operations more (shift, and, or for each four
// columns), Q8 8 loads + 8 vpabsb; then for each token
//
//      Q4, Q5   8 broadcasts, 8 vpmaddubsw, 6 vpaddw, 2 vpmaddwd, 2 conversions, 2 multiplications and 2 FMA with
//               broadcast scales, 1 FMA for m or the zero point, which is an offset like any other
//      Q8       8 broadcasts, 8 vpsignb, 8 vpmaddubsw, 8 vpmaddwd, 6 vpaddd, the rest as above
//
// Block layouts: ggml's format.

enum FormatQ4_0: PanelFormat {
  @inline(__always) static var blockColumns: Int { 32 }
  @inline(__always) static var blockByteCount: Int { 144 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let (scale, record) = (loadHalves(block, 128), Record(records, width: Group.width))
    group.addOffset(_mm256_mul_ps(scale, _mm256_set1_ps(-8)), record)
    group.add(FiveBits.self, lowNibbles(block), scale: scale, record.first)
    group.add(FiveBits.self, highNibbles(block), scale: scale, record.second)
  }
}

enum FormatQ4_1: PanelFormat {
  @inline(__always) static var blockColumns: Int { 32 }
  @inline(__always) static var blockByteCount: Int { 160 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let record = Record(records, width: Group.width)
    group.addOffset(loadHalves(block, 144), record)
    let scale = loadHalves(block, 128)
    group.add(FiveBits.self, lowNibbles(block), scale: scale, record.first)
    group.add(FiveBits.self, highNibbles(block), scale: scale, record.second)
  }
}

enum FormatQ5_0: PanelFormat {
  @inline(__always) static var blockColumns: Int { 32 }
  @inline(__always) static var blockByteCount: Int { 176 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let (scale, record) = (loadHalves(block, 160), Record(records, width: Group.width))
    group.addOffset(_mm256_mul_ps(scale, _mm256_set1_ps(-16)), record)
    group.add(FiveBits.self, firstHalf(block), scale: scale, record.first)
    group.add(FiveBits.self, secondHalf(block), scale: scale, record.second)
  }
}

enum FormatQ5_1: PanelFormat {
  @inline(__always) static var blockColumns: Int { 32 }
  @inline(__always) static var blockByteCount: Int { 192 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let record = Record(records, width: Group.width)
    group.addOffset(loadHalves(block, 176), record)
    let scale = loadHalves(block, 160)
    group.add(FiveBits.self, firstHalf(block), scale: scale, record.first)
    group.add(FiveBits.self, secondHalf(block), scale: scale, record.second)
  }
}

enum FormatQ8_0: PanelFormat {
  @inline(__always) static var blockColumns: Int { 32 }
  @inline(__always) static var blockByteCount: Int { 272 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let (scale, record) = (loadHalves(block, 256), Record(records, width: Group.width))
    group.add(SignedBytes.self, bytes(block), scale: scale, record.first)
    group.add(SignedBytes.self, bytes(block + 128), scale: scale, record.second)
  }
}

/// Columns 0 ..< 16 of five bits.
@inline(__always)
private func firstHalf(_ block: UnsafeRawPointer) -> Weights16 {
  let (w, plane) = (lowNibbles(block), loadInt8s(block, 128))
  return Weights16(
    w0: withFifthBit(w.w0, plane, 0), w1: withFifthBit(w.w1, plane, 1), w2: withFifthBit(w.w2, plane, 2),
    w3: withFifthBit(w.w3, plane, 3))
}

/// Columns 16 ..< 32 of five bits.
@inline(__always)
private func secondHalf(_ block: UnsafeRawPointer) -> Weights16 {
  let (w, plane) = (highNibbles(block), loadInt8s(block, 128))
  return Weights16(
    w0: withFifthBit(w.w0, plane, 4), w1: withFifthBit(w.w1, plane, 5), w2: withFifthBit(w.w2, plane, 6),
    w3: withFifthBit(w.w3, plane, 7))
}

@inline(__always)
private func withFifthBit(_ nibbles: Integers, _ plane: Integers, _ bit: Int) -> Integers {
  _mm256_or_si256(nibbles, isolated(plane, mask: 0x10, from: bit, to: 4))
}
