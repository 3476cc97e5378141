import CIntrinsics

// Q2_K and Q3_K: blocks of 256 columns with a scale for each 16. A panel block:
//
//      Q2_K  1344  | g 0 … g 15 (64 each)                   | sm 16 x 16              | d x 16 | dmin x 16 |
//      Q3_K  1824  | g 0 … g 15 (64 each) | h 0 … h 7 (64)  | scales 16 x 16 (signed) | d x 16 |
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
// The shift is a variable one, in a loop over parts: written out for each plane, the compiler loads the words once for all
// of them and runs out of registers, at half the speed.
//
// Per 32 columns and 16 rows, to unpack: Q2_K 8 loads + 16 operations, Q3_K 16 loads + 32, and 4 to 8 for the scales.
// For each token 8 vpdpbusd, 2 vpdpwssd and, in Q3_K, 4 FMA, in Q2_K 8: its minimum needs the sum of sixteen activations.
// Block layouts: ggml's format.

enum FormatQ2_K: PanelFormat {
  typealias Part = AffineHalves
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 1344 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let scale = loadHalves(block, 1280)
    let minusMinimum = _mm512_sub_ps(_mm512_setzero_ps(), loadHalves(block, 1312))
    let step = recordByteCount(Group.width)
    var part = 0
    while part < 8 {
      let (words, shift) = twoBitPlane(block, part)
      let scales = block + 1024 + part &* 32
      let record = records + part &* step
      addHalf(words, shift, scale, minusMinimum, loadUInt8s(scales, 0), Record(record, width: Group.width), &group)
      addHalf(
        words + 256, shift, scale, minusMinimum, loadUInt8s(scales, 16), Record(record, width: Group.width, half: 1),
        &group)
      part &+= 1
    }
  }

  @inline(__always)
  private static func addHalf<Group: TokenGroup>(
    _ words: UnsafeRawPointer, _ shift: Integers, _ scale: Floats, _ minusMinimum: Floats, _ nibbles: Integers,
    _ record: Record, _ group: inout Group
  ) {
    let (low, high) = (_mm512_and_si512(nibbles, _mm512_set1_epi32(15)), _mm512_srli_epi32(nibbles, 4))
    group.addAffine(
      twoBits(words, shift), scale: _mm512_mul_ps(scale, _mm512_cvtepi32_ps(low)),
      offset: _mm512_mul_ps(minusMinimum, _mm512_cvtepi32_ps(high)), record)
  }
}

enum FormatQ3_K: PanelFormat {
  typealias Part = CentredPart<ZeroAt4>
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 1824 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let scale = loadHalves(block, 1792)
    let step = recordByteCount(Group.width)
    var part = 0
    while part < 8 {
      let (words, shift) = twoBitPlane(block, part)
      let bit = _mm512_set1_epi8(CChar(truncatingIfNeeded: 1 &<< part))
      let scales = block + 1536 + part &* 32
      let record = records + part &* step
      group.addCentred(
        withThirdBits(twoBits(words, shift), block + 1024, bit),
        scale: _mm512_mul_ps(scale, loadInt8sAsFloats(scales, 0)), minusZero: -4,
        Record(record, width: Group.width))
      group.addCentred(
        withThirdBits(twoBits(words + 256, shift), block + 1280, bit),
        scale: _mm512_mul_ps(scale, loadInt8sAsFloats(scales, 16)), minusZero: -4,
        Record(record, width: Group.width, half: 1))
      part &+= 1
    }
  }

  @inline(__always)
  private static func withThirdBits(_ w: HalfWeights, _ plane: UnsafeRawPointer, _ bit: Integers) -> HalfWeights {
    HalfWeights(
      w0: add4(w.w0, plane, 0, bit), w1: add4(w.w1, plane, 64, bit), w2: add4(w.w2, plane, 128, bit),
      w3: add4(w.w3, plane, 192, bit))
  }

  @inline(__always)
  private static func add4(_ w: Integers, _ plane: UnsafeRawPointer, _ offset: Int, _ bit: Integers) -> Integers {
    let mask = _mm512_test_epi8_mask(loadInt8s(plane, offset), bit)
    return _mm512_mask_add_epi8(w, mask, w, _mm512_set1_epi8(4))
  }
}

/// The words that hold the two low bits of a part, and how far to the right they have to go.
@inline(__always)
private func twoBitPlane(_ block: UnsafeRawPointer, _ part: Int) -> (words: UnsafeRawPointer, shift: Integers) {
  (block + part / 4 &* 512, _mm512_set1_epi16(Int16(truncatingIfNeeded: (part & 3) &* 2)))
}

@inline(__always)
private func twoBits(_ words: UnsafeRawPointer, _ shift: Integers) -> HalfWeights {
  HalfWeights(
    w0: twoBits(words, 0, shift), w1: twoBits(words, 64, shift), w2: twoBits(words, 128, shift),
    w3: twoBits(words, 192, shift))
}

@inline(__always)
private func twoBits(_ words: UnsafeRawPointer, _ offset: Int, _ shift: Integers) -> Integers {
  _mm512_and_si512(_mm512_srlv_epi16(loadInt8s(words, offset), shift), _mm512_set1_epi8(3))
}
