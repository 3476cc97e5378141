import CIntrinsics

// The types with blocks of 256 columns (the K types). A panel block:
//
//      Q4_K  1152  | g 0 … g 31 (32 each)              | f 0 | f 1 | f 2 (32 each) | d x 8 | dmin x 8 |
//      Q5_K  1408  | g 0 … g 31 | h 0 … h 7 (32 each)  | f 0 | f 1 | f 2           | d x 8 | dmin x 8 |
//      Q6_K  1680  | g 0 … g 31 | h 0 … h 15           | scales 16 x 8 (signed)    | d x 8 |
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
// Per 32 columns and 8 rows, to unpack: Q4_K 8 loads + 8 or 16 operations, Q5_K and Q6_K 16 loads + 24 to 40, and 3
// or 4 for each scale; then for each token as in Format32, and in Q6_K, where the zero point has two scales and so is an
// integer, 4 vpmaddwd, 2 vpaddd and 2 broadcasts more. Block layouts: ggml's format.

enum FormatQ4_K: PanelFormat {
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 1152 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let step = recordByteCount(Group.width)
    let factors = block + 1024
    var bytesLeft = SixBitFactors(lower: factors)
    var (words, records) = (block, records)
    var part = 0
    while part < 8 {
      if part == 4 { bytesLeft = SixBitFactors(upper: factors) }
      let low = Record(records, width: Group.width)
      group.addOffset(bytesLeft.offset(factors), low)
      let lowScale = bytesLeft.scale(factors)
      group.add(FiveBits.self, lowNibbles(words), scale: lowScale, low.first)
      group.add(FiveBits.self, lowNibbles(words + 128), scale: lowScale, low.second)
      bytesLeft.drop()
      let high = Record(records + step, width: Group.width)
      group.addOffset(bytesLeft.offset(factors), high)
      let highScale = bytesLeft.scale(factors)
      group.add(FiveBits.self, highNibbles(words), scale: highScale, high.first)
      group.add(FiveBits.self, highNibbles(words + 128), scale: highScale, high.second)
      bytesLeft.drop()
      words += 256
      records += 2 &* step
      part &+= 2
    }
  }
}

enum FormatQ5_K: PanelFormat {
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 1408 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let step = recordByteCount(Group.width)
    var bytesLeft = SixBitFactors(lower: block + 1280)
    addParts(0, block, &bytesLeft, records, &group)
    addParts(1, block, &bytesLeft, records + 2 &* step, &group)
    bytesLeft = SixBitFactors(upper: block + 1280)
    addParts(2, block, &bytesLeft, records + 4 &* step, &group)
    addParts(3, block, &bytesLeft, records + 6 &* step, &group)
  }

  /// Parts 2c and 2c + 1.
  @inline(__always)
  private static func addParts<Group: TokenGroup>(
    _ c: Int, _ block: UnsafeRawPointer, _ bytesLeft: inout SixBitFactors, _ records: UnsafeRawPointer,
    _ group: inout Group
  ) {
    let (words, plane, factors) = (block + c &* 256, block + 1024, block + 1280)
    let low = Record(records, width: Group.width)
    group.addOffset(bytesLeft.offset(factors), low)
    let lowScale = bytesLeft.scale(factors)
    group.add(FiveBits.self, merged(lowNibbles(words), plane, 2 &* c), scale: lowScale, low.first)
    group.add(FiveBits.self, merged(lowNibbles(words + 128), plane + 128, 2 &* c), scale: lowScale, low.second)
    bytesLeft.drop()
    let high = Record(records + recordByteCount(Group.width), width: Group.width)
    group.addOffset(bytesLeft.offset(factors), high)
    let highScale = bytesLeft.scale(factors)
    group.add(FiveBits.self, merged(highNibbles(words), plane, 2 &* c &+ 1), scale: highScale, high.first)
    group.add(
      FiveBits.self, merged(highNibbles(words + 128), plane + 128, 2 &* c &+ 1), scale: highScale, high.second)
    bytesLeft.drop()
  }

  @inline(__always)
  private static func merged(_ w: Weights16, _ plane: UnsafeRawPointer, _ part: Int) -> Weights16 {
    withUpperBits(w, plane, mask: 0x10, from: part)
  }
}

enum FormatQ6_K: PanelFormat {
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 1680 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let step = recordByteCount(Group.width)
    let scale = loadHalves(block, 1664)
    var (words, plane, scales, records) = (block, block + 1024, block + 1536, records)
    var remaining = 2
    while remaining > 0 {
      addPart(lowNibbles(words), lowNibbles(words + 128), plane, 0, scale, scales, records, &group)
      addPart(lowNibbles(words + 256), lowNibbles(words + 384), plane, 2, scale, scales + 16, records + step, &group)
      addPart(highNibbles(words), highNibbles(words + 128), plane, 4, scale, scales + 32, records + 2 &* step, &group)
      addPart(
        highNibbles(words + 256), highNibbles(words + 384), plane, 6, scale, scales + 48, records + 3 &* step, &group)
      words += 512
      plane += 256
      scales += 64
      records += 4 &* step
      remaining &-= 1
    }
  }

  @inline(__always)
  private static func addPart<Group: TokenGroup>(
    _ first: Weights16, _ second: Weights16, _ plane: UnsafeRawPointer, _ bit: Int, _ scale: Floats,
    _ scales: UnsafeRawPointer, _ record: UnsafeRawPointer, _ group: inout Group
  ) {
    let record = Record(record, width: Group.width)
    group.addCentred(
      SixBits.self, withUpperBits(first, plane, mask: 0x30, from: bit),
      scale: _mm256_mul_ps(scale, loadInt8sAsFloats(scales, 0)), minusZero: pairConstant(-32), record.first)
    group.addCentred(
      SixBits.self, withUpperBits(second, plane + 128, mask: 0x30, from: bit),
      scale: _mm256_mul_ps(scale, loadInt8sAsFloats(scales, 8)), minusZero: pairConstant(-32), record.second)
  }
}

/// Four scales and four minima of each row of a Q4_K or Q5_K block, as bytes of its lane, the next one lowest.
private struct SixBitFactors {
  private var scales: Integers
  private var minima: Integers

  /// Those of parts 0 to 3.
  @inline(__always) init(lower words: UnsafeRawPointer) {
    let sixBits = _mm256_set1_epi8(0x3F)
    scales = _mm256_and_si256(loadInt8s(words, 0), sixBits)
    minima = _mm256_and_si256(loadInt8s(words, 32), sixBits)
  }

  /// Those of parts 4 to 7.
  @inline(__always) init(upper words: UnsafeRawPointer) {
    let nibbles = loadInt8s(words, 64)
    let (low, upper) = (_mm256_set1_epi8(0x0F), _mm256_set1_epi8(0x30))
    scales = _mm256_or_si256(
      _mm256_and_si256(nibbles, low), _mm256_and_si256(_mm256_srli_epi16(loadInt8s(words, 0), 2), upper))
    minima = _mm256_or_si256(
      _mm256_and_si256(_mm256_srli_epi16(nibbles, 4), low),
      _mm256_and_si256(_mm256_srli_epi16(loadInt8s(words, 32), 2), upper))
  }

  /// d s of 8 rows; d follows the words of the factors.
  @inline(__always) func scale(_ words: UnsafeRawPointer) -> Floats {
    _mm256_mul_ps(loadHalves(words, 96), lowest(scales))
  }

  /// -dmin m of 8 rows.
  @inline(__always) func offset(_ words: UnsafeRawPointer) -> Floats {
    _mm256_mul_ps(negated(loadHalves(words, 112)), lowest(minima))
  }

  @inline(__always) mutating func drop() {
    scales = _mm256_srli_epi32(scales, 8)
    minima = _mm256_srli_epi32(minima, 8)
  }

  @inline(__always) private func lowest(_ bytes: Integers) -> Floats {
    _mm256_cvtepi32_ps(_mm256_and_si256(bytes, _mm256_set1_epi32(0xFF)))
  }
}

/// Adds the bits of a plane, of which the lowest is bit `bit` of each byte, as bits 4 and up.
@inline(__always)
private func withUpperBits(_ w: Weights16, _ plane: UnsafeRawPointer, mask: CChar, from bit: Int) -> Weights16 {
  let bits = bytes(plane)
  return Weights16(
    w0: _mm256_or_si256(w.w0, isolated(bits.w0, mask: mask, from: bit, to: 4)),
    w1: _mm256_or_si256(w.w1, isolated(bits.w1, mask: mask, from: bit, to: 4)),
    w2: _mm256_or_si256(w.w2, isolated(bits.w2, mask: mask, from: bit, to: 4)),
    w3: _mm256_or_si256(w.w3, isolated(bits.w3, mask: mask, from: bit, to: 4)))
}
