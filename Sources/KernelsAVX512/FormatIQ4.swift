import CIntrinsics

// The types whose nibbles name one of sixteen uneven levels. A panel block:
//
//      IQ4_NL   288  | g 0 … g 3 (64 each)  | d x 16 |
//      IQ4_XS  2208  | g 0 … g 31 (64 each) | scales 8 x 16 (signed) | d x 16 |
//
// Lane r of a group is a word of row r, as in the file: four groups are the nibbles of 32 columns, as in Format32. The
// 6-bit scales of IQ4_XS widen to bytes (1.5 % more than the file).
//
//      IQ4_NL: w = d level(q)        IQ4_XS: w = d s level(q), s for 32 columns
//
// vpdpbusd wants unsigned weights: the table holds the levels plus 128, which the offset takes away again.
// Per 32 columns and 16 rows, to unpack: 4 loads + 12 operations + 8 vpshufb; for each token as in Q4_0.
// Block layouts and levels: ggml's format.

enum FormatIQ4_NL: PanelFormat {
  typealias Part = AffinePart
  @inline(__always) static var blockColumns: Int { 32 }
  @inline(__always) static var blockByteCount: Int { 288 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    group.addCentred(
      levels(block), scale: loadHalves(block, 256), zero: 128,
      Record(records, width: Group.width))
  }
}

enum FormatIQ4_XS: PanelFormat {
  typealias Part = AffinePart
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 2208 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let scale = loadHalves(block, 2176)
    let step = recordByteCount(Group.width)
    var part = 0
    while part < 8 {
      group.addCentred(
        levels(block + part &* 256), scale: _mm512_mul_ps(scale, loadInt8sAsFloats(block, 2048 &+ part &* 16)),
        zero: 128, Record(records + part &* step, width: Group.width))
      part &+= 1
    }
  }
}

/// 32 columns of levels plus 128.
@inline(__always)
private func levels(_ block: UnsafeRawPointer) -> Weights32 {
  // `iq4Levels` + 128, in every quarter of the vector; the bytes of a 32-bit number from the lowest up.
  let table = _mm512_set4_epi32(
    Int32(bitPattern: 0xF1D9_C5B5), Int32(bitPattern: 0xA699_8D81), 0x766A_5D4F, 0x3F2D_1801)
  let q = nibbles(block)
  return Weights32(
    w0: _mm512_shuffle_epi8(table, q.w0), w1: _mm512_shuffle_epi8(table, q.w1),
    w2: _mm512_shuffle_epi8(table, q.w2), w3: _mm512_shuffle_epi8(table, q.w3),
    w4: _mm512_shuffle_epi8(table, q.w4), w5: _mm512_shuffle_epi8(table, q.w5),
    w6: _mm512_shuffle_epi8(table, q.w6), w7: _mm512_shuffle_epi8(table, q.w7))
}
