import CIntrinsics

// The types with blocks of 256 columns (the K types). A panel block:
//
//      Q4_K  2304  | g 0 … g 31 (64 each)              | f 0 | f 1 | f 2 (64 each) | d x 16 | dmin x 16 |
//      Q5_K  2816  | g 0 … g 31 | h 0 … h 7 (64 each)  | f 0 | f 1 | f 2           | d x 16 | dmin x 16 |
//      Q6_K  3360  | g 0 … g 31 | h 0 … h 15           | scales 16 x 16 (signed)   | d x 16 |
//
// Lane r of a group is a word of row r, as in the file: a panel takes no byte more. Where the bits of 32 columns ("part" j
// of 8) lie:
//
//      Q4_K, Q5_K  part 2c: low nibbles of g 8c … 8c + 7; part 2c + 1: their high nibbles
//      Q5_K        fifth bit of part j: bit j of the bytes of h 0 … h 7
//      Q6_K        half b of the block, part 4b + k: nibbles of g 16b + 8 (k % 2) …, low for k < 2, high after;
//                  bits 4 and 5: bits 2k and 2k + 1 of h 8b …
//      Q4_K, Q5_K  6-bit scale of part i < 4: byte i of f 0; of part 4 + i: low nibble of byte i of f 2, and above it
//                  the two upper bits of byte i of f 0. Minimum: the same of f 1, and the high nibble of f 2
//
//      Q4_K, Q5_K: w = d s q - dmin m, s and m for 32 columns       Q6_K: w = d s (q - 32), s for 16 columns
//
// Parts of Q6_K are taken in a loop, with variable shifts: written out, the compiler loads the words that parts share once
// for all of them and runs out of registers (less than half the speed). Pairs, as in Q4_K and Q5_K, still fit: there a
// token reads 40 GB/s from the second-level cache where one part at a time read 28.
//
// Per 32 columns and 16 rows, to unpack: Q4_K 4 loads + 14 operations, Q5_K 12 loads + 30, Q6_K 16 loads + 32; for each
// token as in Format32. Block layouts: ggml's format.

enum FormatQ4_K: PanelFormat {
  typealias Part = AffinePart
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 2304 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    addNibbles(block, factors: block + 2048, records, &group) { weights, _ in weights }
  }
}

enum FormatQ5_K: PanelFormat {
  typealias Part = AffinePart
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 2816 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    addNibbles(block, factors: block + 2560, records, &group) { weights, part in
      withFifthBits(weights, block + 2048, part)
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

/// The parts of a Q4_K or Q5_K block: scales, minima, d and dmin are at `factors`, and `complete` adds to the nibbles of a
/// part what stands elsewhere. Two parts share their words, which are loaded once.
@inline(__always)
private func addNibbles<Group: TokenGroup>(
  _ block: UnsafeRawPointer, factors: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group,
  _ complete: (_ weights: Weights32, _ part: Int) -> Weights32
) {
  let scale = FactorScale(loadHalves(factors, 192))
  let minimum = FactorScale(negated(loadHalves(factors, 224)))
  var bytesLeft = SixBitFactors(lower: factors)
  let step = recordByteCount(Group.width)
  var part = 0
  while part < 8 {
    let words = bytes(block + part &* 256)
    if part == 4 { bytesLeft = SixBitFactors(upper: factors) }
    group.addAffine(
      complete(lowNibbles(words), part),
      scale: scale.times(byte0: bytesLeft.scales), offset: minimum.times(byte0: bytesLeft.minima),
      Record(records + part &* step, width: Group.width))
    group.addAffine(
      complete(highNibbles(words), part &+ 1),
      scale: scale.times(byte1: bytesLeft.scales), offset: minimum.times(byte1: bytesLeft.minima),
      Record(records + (part &+ 1) &* step, width: Group.width))
    bytesLeft.dropTwo()
    part &+= 2
  }
}

/// Four scales and four minima of each row, as bytes of its lane, the next one lowest.
private struct SixBitFactors {
  var scales: Integers
  var minima: Integers

  /// Those of parts 0 to 3.
  @inline(__always) init(lower words: UnsafeRawPointer) {
    let sixBits = _mm512_set1_epi8(0x3F)
    scales = _mm512_and_si512(loadInt8s(words, 0), sixBits)
    minima = _mm512_and_si512(loadInt8s(words, 64), sixBits)
  }

  /// Those of parts 4 to 7.
  @inline(__always) init(upper words: UnsafeRawPointer) {
    let nibbles = loadInt8s(words, 128)
    let twoBits = _mm512_set1_epi8(0x30)
    scales = kinglet512_and_or(_mm512_srli_epi16(loadInt8s(words, 0), 2), twoBits, lowNibble(nibbles))
    minima = kinglet512_and_or(_mm512_srli_epi16(loadInt8s(words, 64), 2), twoBits, highNibble(nibbles))
  }

  @inline(__always) mutating func dropTwo() {
    scales = _mm512_srli_epi32(scales, 16)
    minima = _mm512_srli_epi32(minima, 16)
  }
}

/// What a byte of every lane is multiplied by. The second byte is not shifted down: 256 times the byte times a 256th of
/// the factor is the same float.
private struct FactorScale {
  let whole: Floats
  let fraction: Floats

  @inline(__always) init(_ factors: Floats) {
    whole = factors
    fraction = _mm512_mul_ps(factors, _mm512_set1_ps(1.0 / 256))
  }

  @inline(__always) func times(byte0 words: Integers) -> Floats {
    _mm512_mul_ps(whole, _mm512_cvtepi32_ps(_mm512_and_si512(words, _mm512_set1_epi32(0xFF))))
  }
  @inline(__always) func times(byte1 words: Integers) -> Floats {
    _mm512_mul_ps(fraction, _mm512_cvtepi32_ps(_mm512_and_si512(words, _mm512_set1_epi32(0xFF00))))
  }
}

/// Eight words as they lie in the panel.
@inline(__always)
private func bytes(_ words: UnsafeRawPointer) -> Weights32 {
  Weights32(
    w0: loadInt8s(words, 0), w1: loadInt8s(words, 64), w2: loadInt8s(words, 128), w3: loadInt8s(words, 192),
    w4: loadInt8s(words, 256), w5: loadInt8s(words, 320), w6: loadInt8s(words, 384), w7: loadInt8s(words, 448))
}

@inline(__always)
private func lowNibbles(_ w: Weights32) -> Weights32 {
  Weights32(
    w0: lowNibble(w.w0), w1: lowNibble(w.w1), w2: lowNibble(w.w2), w3: lowNibble(w.w3), w4: lowNibble(w.w4),
    w5: lowNibble(w.w5), w6: lowNibble(w.w6), w7: lowNibble(w.w7))
}

@inline(__always)
private func highNibbles(_ w: Weights32) -> Weights32 {
  Weights32(
    w0: highNibble(w.w0), w1: highNibble(w.w1), w2: highNibble(w.w2), w3: highNibble(w.w3), w4: highNibble(w.w4),
    w5: highNibble(w.w5), w6: highNibble(w.w6), w7: highNibble(w.w7))
}

@inline(__always)
private func nibble(_ words: UnsafeRawPointer, _ offset: Int, _ right: Integers) -> Integers {
  _mm512_and_si512(_mm512_srlv_epi16(loadInt8s(words, offset), right), _mm512_set1_epi8(0x0F))
}

@inline(__always)
private func negated(_ x: Floats) -> Floats { _mm512_sub_ps(_mm512_setzero_ps(), x) }
