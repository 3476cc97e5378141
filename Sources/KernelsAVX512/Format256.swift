import CIntrinsics

// The types with blocks of 256 columns (the K types). A panel block:
//
//      Q4_K  2368  | g 0 … g 31 (64 each)              | scales 8 x 16 | minima 8 x 16 | d x 16 | dmin x 16 |
//      Q5_K  2880  | g 0 … g 31 | h 0 … h 7 (64 each)  | scales 8 x 16 | minima 8 x 16 | d x 16 | dmin x 16 |
//      Q6_K  3360  | g 0 … g 31 | h 0 … h 15           | scales 16 x 16 (signed)       | d x 16 |
//
// Lane r of a group is a word of row r, as in the file; the 6-bit scales of Q4_K and Q5_K are widened to bytes
// (2.8 and 2.3 % more than the file). Where the bits of 32 columns ("part" j of 8) lie:
//
//      Q4_K, Q5_K  part 2c: low nibbles of g 8c … 8c + 7; part 2c + 1: their high nibbles
//      Q5_K        fifth bit of part j: bit j of the bytes of h 0 … h 7
//      Q6_K        half b of the block, part 4b + k: nibbles of g 16b + 8 (k % 2) …, low for k < 2, high after;
//                  bits 4 and 5: bits 2k and 2k + 1 of h 8b …
//
//      Q4_K, Q5_K: w = d s q - dmin m, s and m for 32 columns       Q6_K: w = d s (q - 32), s for 16 columns
//
// Parts are taken in a loop, with variable shifts: written out, the compiler loads the words that parts share once for all
// of them and runs out of registers (Q6_K at less than half the speed).
//
// Per 32 columns and 16 rows, to unpack: Q4_K 8 loads + 16 operations, Q5_K and Q6_K 16 loads + 32; for each token as in
// Format32. Block layouts: ggml's format.

enum FormatQ4_K: PanelFormat {
  typealias Part = AffinePart
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 2368 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let scales = block + 2048
    let scale = loadHalves(block, 2304)
    let minimum = negated(loadHalves(block, 2336))
    let step = recordByteCount(Group.width)
    var part = 0
    while part < 8 {
      group.addAffine(
        nibbles(block + part / 2 &* 512, shift: (part & 1) &* 4),
        scale: _mm512_mul_ps(scale, loadUInt8sAsFloats(scales, part &* 16)),
        offset: _mm512_mul_ps(minimum, loadUInt8sAsFloats(scales, 128 &+ part &* 16)),
        Record(records + part &* step, width: Group.width))
      part &+= 1
    }
  }
}

enum FormatQ5_K: PanelFormat {
  typealias Part = AffinePart
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 2880 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let scales = block + 2560
    let scale = loadHalves(block, 2816)
    let minimum = negated(loadHalves(block, 2848))
    let step = recordByteCount(Group.width)
    var part = 0
    while part < 8 {
      group.addAffine(
        withFifthBits(nibbles(block + part / 2 &* 512, shift: (part & 1) &* 4), block + 2048, part),
        scale: _mm512_mul_ps(scale, loadUInt8sAsFloats(scales, part &* 16)),
        offset: _mm512_mul_ps(minimum, loadUInt8sAsFloats(scales, 128 &+ part &* 16)),
        Record(records + part &* step, width: Group.width))
      part &+= 1
    }
  }

  @inline(__always)
  private static func withFifthBits(_ w: Weights32, _ plane: UnsafeRawPointer, _ part: Int) -> Weights32 {
    let bit = _mm512_set1_epi8(CChar(truncatingIfNeeded: 1 &<< part))
    return Weights32(
      w0: add16(w.w0, plane, 0, bit), w1: add16(w.w1, plane, 64, bit), w2: add16(w.w2, plane, 128, bit),
      w3: add16(w.w3, plane, 192, bit), w4: add16(w.w4, plane, 256, bit), w5: add16(w.w5, plane, 320, bit),
      w6: add16(w.w6, plane, 384, bit), w7: add16(w.w7, plane, 448, bit))
  }

  @inline(__always)
  private static func add16(_ w: Integers, _ plane: UnsafeRawPointer, _ offset: Int, _ bit: Integers) -> Integers {
    let mask = _mm512_test_epi8_mask(loadInt8s(plane, offset), bit)
    return _mm512_mask_add_epi8(w, mask, w, _mm512_set1_epi8(16))
  }
}

enum FormatQ6_K: PanelFormat {
  typealias Part = CentredPart<ZeroAt32>
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 3360 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let scale = loadHalves(block, 3328)
    let step = recordByteCount(Group.width)
    var part = 0
    while part < 8 {
      let (half, plane) = (part / 4, part & 3)
      let words = block + half &* 1024 + (plane & 1) &* 512
      let right = _mm512_set1_epi16(Int16(truncatingIfNeeded: (plane & 2) &* 2))
      let upper = block + 2048 + half &* 512
      // A rotation by 4, 2, 0 or -2 brings bits 2k and 2k + 1 of each byte to 4 and 5.
      let left = _mm512_set1_epi32(Int32(truncatingIfNeeded: 4 &- 2 &* plane))
      let scales = block + 3072 + part &* 32
      let record = records + part &* step
      group.addCentred(
        sixBits(words, right, upper, left), scale: _mm512_mul_ps(scale, loadInt8sAsFloats(scales, 0)),
        minusZero: -32, Record(record, width: Group.width))
      group.addCentred(
        sixBits(words + 256, right, upper + 256, left), scale: _mm512_mul_ps(scale, loadInt8sAsFloats(scales, 16)),
        minusZero: -32, Record(record, width: Group.width, half: 1))
      part &+= 1
    }
  }

  /// 16 columns: nibbles shifted right, and what stands above them rotated left.
  @inline(__always)
  private static func sixBits(
    _ words: UnsafeRawPointer, _ right: Integers, _ upper: UnsafeRawPointer, _ left: Integers
  ) -> HalfWeights {
    HalfWeights(
      w0: merge(nibble(words, 0, right), upper, 0, left), w1: merge(nibble(words, 64, right), upper, 64, left),
      w2: merge(nibble(words, 128, right), upper, 128, left), w3: merge(nibble(words, 192, right), upper, 192, left))
  }

  @inline(__always)
  private static func merge(_ w: Integers, _ words: UnsafeRawPointer, _ offset: Int, _ left: Integers) -> Integers {
    kinglet512_and_or(_mm512_rolv_epi32(loadInt8s(words, offset), left), _mm512_set1_epi8(0x30), w)
  }
}

/// The low (shift 0) or high (shift 4) nibbles of eight words: 32 columns.
@inline(__always)
private func nibbles(_ words: UnsafeRawPointer, shift: Int) -> Weights32 {
  let right = _mm512_set1_epi16(Int16(truncatingIfNeeded: shift))
  return Weights32(
    w0: nibble(words, 0, right), w1: nibble(words, 64, right), w2: nibble(words, 128, right),
    w3: nibble(words, 192, right), w4: nibble(words, 256, right), w5: nibble(words, 320, right),
    w6: nibble(words, 384, right), w7: nibble(words, 448, right))
}

@inline(__always)
private func nibble(_ words: UnsafeRawPointer, _ offset: Int, _ right: Integers) -> Integers {
  _mm512_and_si512(_mm512_srlv_epi16(loadInt8s(words, offset), right), _mm512_set1_epi8(0x0F))
}

@inline(__always)
private func negated(_ x: Floats) -> Floats { _mm512_sub_ps(_mm512_setzero_ps(), x) }
