import CIntrinsics

// The types whose nibbles name one of sixteen uneven levels. A panel block:
//
//      IQ4_NL   144  | g 0 … g 3 (32 each)  | d x 8 |
//      IQ4_XS  1104  | g 0 … g 31 (32 each) | scales 8 x 8 (signed) | d x 8 |
//
// Lane r of a group is a word of row r, as in the file: four groups are the nibbles of 32 columns, as in Format32. The
// 6-bit scales of IQ4_XS widen to bytes (1.5 % more than the file).
//
//      IQ4_NL: w = d level(q)        IQ4_XS: w = d s level(q), s for 32 columns
//
// Per 32 columns and 8 rows, to unpack: 4 loads + 12 operations + 8 vpshufb + 8 vpabsb; for each token as in Q8_0.
// Block layouts and levels: ggml's format.

enum FormatIQ4_NL: PanelFormat {
  @inline(__always) static var blockColumns: Int { 32 }
  @inline(__always) static var blockByteCount: Int { 144 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let (scale, record) = (loadHalves(block, 128), Record(records, width: Group.width))
    group.add(SignedBytes.self, levels(lowNibbles(block)), scale: scale, record.first)
    group.add(SignedBytes.self, levels(highNibbles(block)), scale: scale, record.second)
  }
}

enum FormatIQ4_XS: PanelFormat {
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 1104 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let step = recordByteCount(Group.width)
    var part = 0
    while part < 8 {
      let words = block + part &* 128
      let scale = _mm256_mul_ps(loadHalves(block, 1088), loadInt8sAsFloats(block, 1024 &+ part &* 8))
      let record = Record(records + part &* step, width: Group.width)
      group.add(SignedBytes.self, levels(lowNibbles(words)), scale: scale, record.first)
      group.add(SignedBytes.self, levels(highNibbles(words)), scale: scale, record.second)
      part &+= 1
    }
  }
}

@inline(__always)
private func levels(_ q: Weights16) -> Weights16 {
  // `iq4Levels` in both halves of the vector, from the last to the first.
  let table = _mm256_broadcastsi128_si256(
    _mm_set_epi8(113, 89, 69, 53, 38, 25, 13, 1, -10, -22, -35, -49, -65, -83, -104, -127))
  return Weights16(
    w0: _mm256_shuffle_epi8(table, q.w0), w1: _mm256_shuffle_epi8(table, q.w1),
    w2: _mm256_shuffle_epi8(table, q.w2), w3: _mm256_shuffle_epi8(table, q.w3))
}
