import CIntrinsics

// The types with blocks of 256 columns (the K types). A panel block:
//
//      Q4_K  1184  | g 0 … g 31 (32 each)              | scales 8 x 8 | minima 8 x 8 | d x 8 | dmin x 8 |
//      Q5_K  1440  | g 0 … g 31 | h 0 … h 7 (32 each)  | scales 8 x 8 | minima 8 x 8 | d x 8 | dmin x 8 |
//      Q6_K  1680  | g 0 … g 31 | h 0 … h 15           | scales 16 x 8 (signed)      | d x 8 |
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
// Per 32 columns and 8 rows, to unpack: Q4_K 8 loads + 8 or 16 operations, Q5_K and Q6_K 16 loads + 24 to 40, and 2 to
// 4 for each scale; then for each token as in Format32, and in Q6_K, where the zero point has two scales and so is an
// integer, 4 vpmaddwd, 2 vpaddd and 2 broadcasts more. Block layouts: ggml's format.

enum FormatQ4_K: PanelFormat {
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 1184 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let step = recordByteCount(Group.width)
    var (words, scales, records) = (block, block + 1024, records)
    var remaining = 4
    while remaining > 0 {
      let low = Record(records, width: Group.width)
      group.addOffset(offset(block + 1168, scales + 64), low)
      let lowScale = scale(block + 1152, scales)
      group.add(FiveBits.self, lowNibbles(words), scale: lowScale, low.first)
      group.add(FiveBits.self, lowNibbles(words + 128), scale: lowScale, low.second)
      let high = Record(records + step, width: Group.width)
      group.addOffset(offset(block + 1168, scales + 72), high)
      let highScale = scale(block + 1152, scales + 8)
      group.add(FiveBits.self, highNibbles(words), scale: highScale, high.first)
      group.add(FiveBits.self, highNibbles(words + 128), scale: highScale, high.second)
      words += 256
      scales += 16
      records += 2 &* step
      remaining &-= 1
    }
  }
}

enum FormatQ5_K: PanelFormat {
  @inline(__always) static var blockColumns: Int { 256 }
  @inline(__always) static var blockByteCount: Int { 1440 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let step = recordByteCount(Group.width)
    addParts(0, block, records, &group)
    addParts(1, block, records + 2 &* step, &group)
    addParts(2, block, records + 4 &* step, &group)
    addParts(3, block, records + 6 &* step, &group)
  }

  /// Parts 2c and 2c + 1.
  @inline(__always)
  private static func addParts<Group: TokenGroup>(
    _ c: Int, _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let (words, plane, scales) = (block + c &* 256, block + 1024, block + 1280 + c &* 16)
    let low = Record(records, width: Group.width)
    group.addOffset(offset(block + 1424, scales + 64), low)
    let lowScale = scale(block + 1408, scales)
    group.add(FiveBits.self, merged(lowNibbles(words), plane, 2 &* c), scale: lowScale, low.first)
    group.add(FiveBits.self, merged(lowNibbles(words + 128), plane + 128, 2 &* c), scale: lowScale, low.second)
    let high = Record(records + recordByteCount(Group.width), width: Group.width)
    group.addOffset(offset(block + 1424, scales + 72), high)
    let highScale = scale(block + 1408, scales + 8)
    group.add(FiveBits.self, merged(highNibbles(words), plane, 2 &* c &+ 1), scale: highScale, high.first)
    group.add(
      FiveBits.self, merged(highNibbles(words + 128), plane + 128, 2 &* c &+ 1), scale: highScale, high.second)
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

/// d s of 8 rows.
@inline(__always)
private func scale(_ d: UnsafeRawPointer, _ s: UnsafeRawPointer) -> Floats {
  _mm256_mul_ps(loadHalves(d, 0), loadUInt8sAsFloats(s, 0))
}

/// -dmin m of 8 rows.
@inline(__always)
private func offset(_ dmin: UnsafeRawPointer, _ m: UnsafeRawPointer) -> Floats {
  _mm256_mul_ps(negated(loadHalves(dmin, 0)), loadUInt8sAsFloats(m, 0))
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
