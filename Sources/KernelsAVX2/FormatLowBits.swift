import CIntrinsics

// Q2_K and Q3_K: blocks of 256 columns with a scale for each 16. A panel block:
//
//      Q2_K  672  | g 0 … g 15 (32 each)                   | sm 16 x 8              | d x 8 | dmin x 8 |
//      Q3_K  912  | g 0 … g 15 (32 each) | h 0 … h 7 (32)  | scales 16 x 8 (signed) | d x 8 |
//
// Lane r of a group is a word of row r, as in the file. Byte sm has the scale in its low and the minimum in its high
// nibble, so that Q2_K takes no byte more than the file; the 6-bit scales of Q3_K widen to bytes (3.6 % more). Half b
// of a block, part 4b + k (32 columns) of it:
//
//      bits 0 and 1: bits 2k and 2k + 1 of the bytes of g 8b … g 8b + 7
//      Q3_K, bit 2:  bit 4b + k of the bytes of h 0 … h 7
//
//      Q2_K: w = d s q - dmin m       Q3_K: w = d s (q - 4)       s and m for 16 columns
//
// Per 32 columns and 8 rows, to unpack: Q2_K 8 loads + 8 or 16 operations, Q3_K 16 loads + 40 or 48, and 6 to 14 for
// the scales; for each token as in Format32, and for zero points and minima 2 broadcasts, 2 vpmaddwd and 2 vpaddd (Q3_K)
// or 2 conversions and 2 FMA (Q2_K) more. Block layouts: ggml's format.

enum FormatQ2_K: PanelFormat {
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 672 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let step = recordByteCount(Group.width)
    var (words, scales, records) = (block, block + 512, records)
    var remaining = 2
    while remaining > 0 {
      addPart(0, block, words, scales, records, &group)
      addPart(1, block, words, scales + 16, records + step, &group)
      addPart(2, block, words, scales + 32, records + 2 &* step, &group)
      addPart(3, block, words, scales + 48, records + 3 &* step, &group)
      words += 256
      scales += 64
      records += 4 &* step
      remaining &-= 1
    }
  }

  @inline(__always)
  private static func addPart<Group: TokenGroup>(
    _ k: Int, _ block: UnsafeRawPointer, _ words: UnsafeRawPointer, _ scales: UnsafeRawPointer,
    _ record: UnsafeRawPointer, _ group: inout Group
  ) {
    let record = Record(record, width: Group.width)
    addHalf(twoBits(words, k), block, loadUInt8s(scales, 0), record.first, &group)
    addHalf(twoBits(words + 128, k), block, loadUInt8s(scales, 8), record.second, &group)
  }

  /// Sixteen columns, with scales in the low and minima in the high nibbles.
  @inline(__always)
  private static func addHalf<Group: TokenGroup>(
    _ w: Weights16, _ block: UnsafeRawPointer, _ nibbles: Integers, _ half: HalfRecord, _ group: inout Group
  ) {
    let scale = _mm256_cvtepi32_ps(_mm256_and_si256(nibbles, _mm256_set1_epi32(15)))
    group.addAffine(
      FiveBits.self, w, scale: _mm256_mul_ps(loadHalves(block, 640), scale),
      minima: paired(_mm256_srli_epi32(nibbles, 4)), minimumScale: negated(loadHalves(block, 656)), half)
  }

  /// Each lane's number in both of its 16-bit halves: the factor of two pair sums.
  @inline(__always)
  private static func paired(_ x: Integers) -> Integers { _mm256_or_si256(x, _mm256_slli_epi32(x, 16)) }
}

enum FormatQ3_K: PanelFormat {
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 912 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let step = recordByteCount(Group.width)
    var (words, scales, records) = (block, block + 768, records)
    var bit = 1
    while bit < 256 {
      addPart(0, block, words, bit, scales, records, &group)
      addPart(1, block, words, bit &* 2, scales + 16, records + step, &group)
      addPart(2, block, words, bit &* 4, scales + 32, records + 2 &* step, &group)
      addPart(3, block, words, bit &* 8, scales + 48, records + 3 &* step, &group)
      words += 256
      scales += 64
      records += 4 &* step
      bit &*= 16
    }
  }

  @inline(__always)
  private static func addPart<Group: TokenGroup>(
    _ k: Int, _ block: UnsafeRawPointer, _ words: UnsafeRawPointer, _ bit: Int, _ scales: UnsafeRawPointer,
    _ record: UnsafeRawPointer, _ group: inout Group
  ) {
    let bit = _mm256_set1_epi8(CChar(truncatingIfNeeded: bit))
    let (scale, minusZero, record) = (loadHalves(block, 896), pairConstant(-4), Record(record, width: Group.width))
    group.addCentred(
      FiveBits.self, withThirdBits(twoBits(words, k), block + 512, bit),
      scale: _mm256_mul_ps(scale, loadInt8sAsFloats(scales, 0)), minusZero: minusZero, record.first)
    group.addCentred(
      FiveBits.self, withThirdBits(twoBits(words + 128, k), block + 640, bit),
      scale: _mm256_mul_ps(scale, loadInt8sAsFloats(scales, 8)), minusZero: minusZero, record.second)
  }

  @inline(__always)
  private static func withThirdBits(_ w: Weights16, _ plane: UnsafeRawPointer, _ bit: Integers) -> Weights16 {
    Weights16(
      w0: withThirdBit(w.w0, plane, 0, bit), w1: withThirdBit(w.w1, plane, 32, bit),
      w2: withThirdBit(w.w2, plane, 64, bit), w3: withThirdBit(w.w3, plane, 96, bit))
  }

  @inline(__always)
  private static func withThirdBit(
    _ w: Integers, _ plane: UnsafeRawPointer, _ offset: Int, _ bit: Integers
  ) -> Integers {
    let isSet = _mm256_cmpeq_epi8(_mm256_and_si256(loadInt8s(plane, offset), bit), bit)
    return _mm256_or_si256(w, _mm256_and_si256(isSet, _mm256_set1_epi8(4)))
  }
}

/// Bits 2k and 2k + 1 of four words: sixteen columns.
@inline(__always)
private func twoBits(_ words: UnsafeRawPointer, _ k: Int) -> Weights16 {
  let w = bytes(words)
  return Weights16(
    w0: isolated(w.w0, mask: 3, from: 2 &* k, to: 0), w1: isolated(w.w1, mask: 3, from: 2 &* k, to: 0),
    w2: isolated(w.w2, mask: 3, from: 2 &* k, to: 0), w3: isolated(w.w3, mask: 3, from: 2 &* k, to: 0))
}
