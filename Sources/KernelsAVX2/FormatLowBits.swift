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
// Parts are a loop, for which the shift must be a variable one: written out, the compiler would load the words once for
// all of them and run out of registers.
//
// Per 32 columns and 8 rows, to unpack: Q2_K 8 loads + 16 operations, Q3_K 16 loads + 48, and 6 to 14 for the scales;
// for each token as in Q4_0, with a conversion and an FMA more for each minimum of Q2_K. Block layouts: ggml's format.

enum FormatQ2_K: PanelFormat {
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 672 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let step = recordByteCount(Group.width)
    var part = 0
    while part < 8 {
      let (words, shift) = twoBitPlane(block, part)
      let scales = block + 512 + part &* 16
      let record = Record(records + part &* step, width: Group.width)
      addHalf(twoBits(words, shift), block + 640, loadUInt8s(scales, 0), record.first, &group)
      addHalf(twoBits(words + 128, shift), block + 640, loadUInt8s(scales, 8), record.second, &group)
      part &+= 1
    }
  }

  /// Sixteen columns, with d and dmin at `factors`, scales in the low and minima in the high nibbles.
  @inline(__always)
  private static func addHalf<Group: TokenGroup>(
    _ w: Weights16, _ factors: UnsafeRawPointer, _ nibbles: Integers, _ half: HalfRecord, _ group: inout Group
  ) {
    let scale = _mm256_cvtepi32_ps(_mm256_and_si256(nibbles, _mm256_set1_epi32(15)))
    group.addAffine(
      FiveBits.self, w, scale: _mm256_mul_ps(loadHalves(factors, 0), scale),
      minima: paired(_mm256_srli_epi32(nibbles, 4)),
      minimumScale: negated(loadHalves(factors, 16)), half)
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
    var part = 0
    while part < 8 {
      let (words, shift) = twoBitPlane(block, part)
      let place = _mm256_set1_epi32(Int32(truncatingIfNeeded: part))
      let scales = block + 768 + part &* 16
      let record = Record(records + part &* step, width: Group.width)
      group.addCentred(
        FiveBits.self, withThirdBits(twoBits(words, shift), block + 512, place), scale: scale(block, scales),
        minusZero: pairConstant(-4), record.first)
      group.addCentred(
        FiveBits.self, withThirdBits(twoBits(words + 128, shift), block + 640, place), scale: scale(block, scales + 8),
        minusZero: pairConstant(-4), record.second)
      part &+= 1
    }
  }

  @inline(__always)
  private static func scale(_ block: UnsafeRawPointer, _ s: UnsafeRawPointer) -> Floats {
    _mm256_mul_ps(loadHalves(block, 896), loadInt8sAsFloats(s, 0))
  }

  @inline(__always)
  private static func withThirdBits(_ w: Weights16, _ plane: UnsafeRawPointer, _ place: Integers) -> Weights16 {
    Weights16(
      w0: withThirdBit(w.w0, plane, 0, place), w1: withThirdBit(w.w1, plane, 32, place),
      w2: withThirdBit(w.w2, plane, 64, place), w3: withThirdBit(w.w3, plane, 96, place))
  }

  @inline(__always)
  private static func withThirdBit(
    _ w: Integers, _ plane: UnsafeRawPointer, _ offset: Int, _ place: Integers
  ) -> Integers {
    let lowest = _mm256_srlv_epi32(loadInt8s(plane, offset), place)
    return _mm256_or_si256(w, _mm256_and_si256(_mm256_slli_epi16(lowest, 2), _mm256_set1_epi8(4)))
  }
}

/// The words that hold the two low bits of a part, and how far to the right they have to go.
@inline(__always)
private func twoBitPlane(_ block: UnsafeRawPointer, _ part: Int) -> (words: UnsafeRawPointer, shift: Integers) {
  (block + part / 4 &* 256, _mm256_set1_epi32(Int32(truncatingIfNeeded: (part & 3) &* 2)))
}

@inline(__always)
private func twoBits(_ words: UnsafeRawPointer, _ shift: Integers) -> Weights16 {
  Weights16(
    w0: twoBits(words, 0, shift), w1: twoBits(words, 32, shift), w2: twoBits(words, 64, shift),
    w3: twoBits(words, 96, shift))
}

/// Bits that come over from the neighbouring byte lie above the two.
@inline(__always)
private func twoBits(_ words: UnsafeRawPointer, _ offset: Int, _ shift: Integers) -> Integers {
  _mm256_and_si256(_mm256_srlv_epi32(loadInt8s(words, offset), shift), _mm256_set1_epi8(3))
}
