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
// Per 32 columns and 16 rows, to unpack: Q4_K 8 loads + 8 to 16 operations, Q5_K and Q6_K 16 loads + 24 to 32; for each
// token as in Format32. Block layouts: ggml's format.

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
      let words = block + part &* 256
      let record = records + part &* step
      group.addAffine(
        lowNibbles(words), scale: _mm512_mul_ps(scale, loadUInt8sAsFloats(scales, part &* 16)),
        offset: _mm512_mul_ps(minimum, loadUInt8sAsFloats(scales, 128 &+ part &* 16)),
        Record(record, width: Group.width))
      group.addAffine(
        highNibbles(words), scale: _mm512_mul_ps(scale, loadUInt8sAsFloats(scales, 16 &+ part &* 16)),
        offset: _mm512_mul_ps(minimum, loadUInt8sAsFloats(scales, 144 &+ part &* 16)),
        Record(record + step, width: Group.width))
      part &+= 2
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
      let words = block + part &* 256
      let record = records + part &* step
      group.addAffine(
        withFifthBits(lowNibbles(words), block + 2048, part),
        scale: _mm512_mul_ps(scale, loadUInt8sAsFloats(scales, part &* 16)),
        offset: _mm512_mul_ps(minimum, loadUInt8sAsFloats(scales, 128 &+ part &* 16)),
        Record(record, width: Group.width))
      group.addAffine(
        withFifthBits(highNibbles(words), block + 2048, part &+ 1),
        scale: _mm512_mul_ps(scale, loadUInt8sAsFloats(scales, 16 &+ part &* 16)),
        offset: _mm512_mul_ps(minimum, loadUInt8sAsFloats(scales, 144 &+ part &* 16)),
        Record(record + step, width: Group.width))
      part &+= 2
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
    var half = 0
    while half < 2 {
      let words = block + half &* 1024
      let plane = block + 2048 + half &* 512
      let scales = block + 3072 + half &* 128
      let record = records + half &* 4 &* step
      addPart(lowNibbles(words), plane, .left4, scale, scales, record, &group)
      addPart(lowNibbles(words + 512), plane, .left2, scale, scales + 32, record + step, &group)
      addPart(highNibbles(words), plane, .none, scale, scales + 64, record + step &* 2, &group)
      addPart(highNibbles(words + 512), plane, .right2, scale, scales + 96, record + step &* 3, &group)
      half &+= 1
    }
  }

  /// How far the two upper bits of a part are from bits 4 and 5.
  private enum Shift { case left4, left2, none, right2 }

  @inline(__always)
  private static func addPart<Group: TokenGroup>(
    _ w: Weights32, _ plane: UnsafeRawPointer, _ shift: Shift, _ scale: Floats, _ scales: UnsafeRawPointer,
    _ record: UnsafeRawPointer, _ group: inout Group
  ) {
    let weights = Weights32(
      w0: merge(w.w0, plane, 0, shift), w1: merge(w.w1, plane, 64, shift), w2: merge(w.w2, plane, 128, shift),
      w3: merge(w.w3, plane, 192, shift), w4: merge(w.w4, plane, 256, shift), w5: merge(w.w5, plane, 320, shift),
      w6: merge(w.w6, plane, 384, shift), w7: merge(w.w7, plane, 448, shift))
    group.addCentred(
      weights, scale0: _mm512_mul_ps(scale, loadInt8sAsFloats(scales, 0)),
      scale1: _mm512_mul_ps(scale, loadInt8sAsFloats(scales, 16)), minusZero: pairConstant(-32),
      Record(record, width: Group.width))
  }

  @inline(__always)
  private static func merge(_ w: Integers, _ plane: UnsafeRawPointer, _ offset: Int, _ shift: Shift) -> Integers {
    var bits = loadInt8s(plane, offset)
    switch shift {
    case .left4: bits = _mm512_slli_epi16(bits, 4)
    case .left2: bits = _mm512_slli_epi16(bits, 2)
    case .none: break
    case .right2: bits = _mm512_srli_epi16(bits, 2)
    }
    return kinglet512_and_or(bits, _mm512_set1_epi8(0x30), w)
  }
}

/// Eight words of low nibbles: 32 columns.
@inline(__always)
private func lowNibbles(_ words: UnsafeRawPointer) -> Weights32 {
  Weights32(
    w0: lowNibble(loadInt8s(words, 0)), w1: lowNibble(loadInt8s(words, 64)), w2: lowNibble(loadInt8s(words, 128)),
    w3: lowNibble(loadInt8s(words, 192)), w4: lowNibble(loadInt8s(words, 256)), w5: lowNibble(loadInt8s(words, 320)),
    w6: lowNibble(loadInt8s(words, 384)), w7: lowNibble(loadInt8s(words, 448)))
}

@inline(__always)
private func highNibbles(_ words: UnsafeRawPointer) -> Weights32 {
  Weights32(
    w0: highNibble(loadInt8s(words, 0)), w1: highNibble(loadInt8s(words, 64)), w2: highNibble(loadInt8s(words, 128)),
    w3: highNibble(loadInt8s(words, 192)), w4: highNibble(loadInt8s(words, 256)),
    w5: highNibble(loadInt8s(words, 320)), w6: highNibble(loadInt8s(words, 384)),
    w7: highNibble(loadInt8s(words, 448)))
}

@inline(__always)
private func negated(_ x: Floats) -> Floats { _mm512_sub_ps(_mm512_setzero_ps(), x) }
