import CIntrinsics

// The types with blocks of 32 columns. A panel block is the file's block with its 32-bit words transposed over 16 rows:
//
//      Q4_0  288   | g 0 … g 3 (64 each)            | d x 16 |            w = d (q - 8)
//      Q4_1  320   | g 0 … g 3                      | d x 16 | m x 16 |   w = d q + m
//      Q5_0  352   | g 0 … g 3 | k 0 … k 7 (8 each) | d x 16 |            w = d (q - 16)
//      Q5_1  384   | g 0 … g 3 | k 0 … k 7          | d x 16 | m x 16 |   w = d q + m
//      Q8_0  544   | w 0 … w 7 (64 each)            | d x 16 |            w = d q
//
// Group g: lane r is a word of row r; its low nibbles are columns 4g ..< 4g + 4, its high nibbles the same plus 16.
// Mask k: bit 4r + c is the fifth bit of column 4k + c of row r. d and m are halves.
//
// Per 32 columns and 16 rows, to unpack: Q4 4 loads + 12 operations, Q5 8 masked adds more, Q8 8 loads + 8 XOR; then for
// each token 8 vpdpbusd and 4 FMA: two make floats of the integer sums (`ActivationLayout`), the others apply d, and m or
// the zero point. Block layouts: ggml's format.

enum FormatQ4_0: PanelFormat {
  typealias Part = AffinePart
  @inline(__always) static var blockColumns: Int { 32 }
  @inline(__always) static var blockByteCount: Int { 288 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    group.addCentred(
      nibbles(block), scale: loadHalves(block, 256), zero: 8, Record(records, width: Group.width))
  }
}

enum FormatQ4_1: PanelFormat {
  typealias Part = AffinePart
  @inline(__always) static var blockColumns: Int { 32 }
  @inline(__always) static var blockByteCount: Int { 320 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    group.addAffine(
      nibbles(block), scale: loadHalves(block, 256), offset: loadHalves(block, 288),
      Record(records, width: Group.width))
  }
}

enum FormatQ5_0: PanelFormat {
  typealias Part = AffinePart
  @inline(__always) static var blockColumns: Int { 32 }
  @inline(__always) static var blockByteCount: Int { 352 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    group.addCentred(
      fiveBits(block), scale: loadHalves(block, 320), zero: 16,
      Record(records, width: Group.width))
  }
}

enum FormatQ5_1: PanelFormat {
  typealias Part = AffinePart
  @inline(__always) static var blockColumns: Int { 32 }
  @inline(__always) static var blockByteCount: Int { 384 }

  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    group.addAffine(
      fiveBits(block), scale: loadHalves(block, 320), offset: loadHalves(block, 352),
      Record(records, width: Group.width))
  }
}

enum FormatQ8_0: PanelFormat {
  typealias Part = AffinePart
  @inline(__always) static var blockColumns: Int { 32 }
  @inline(__always) static var blockByteCount: Int { 544 }

  /// vpdpbusd wants unsigned weights: flipping the sign bit adds 128, which the zero point takes away again.
  @inline(__always)
  static func addBlock<Group: TokenGroup>(
    _ block: UnsafeRawPointer, _ records: UnsafeRawPointer, _ group: inout Group
  ) {
    let weights = Weights32(
      w0: unsigned(block, 0), w1: unsigned(block, 64), w2: unsigned(block, 128), w3: unsigned(block, 192),
      w4: unsigned(block, 256), w5: unsigned(block, 320), w6: unsigned(block, 384), w7: unsigned(block, 448))
    group.addCentred(
      weights, scale: loadHalves(block, 512), zero: 128, Record(records, width: Group.width))
  }

  @inline(__always)
  private static func unsigned(_ block: UnsafeRawPointer, _ offset: Int) -> Integers {
    _mm512_xor_si512(loadInt8s(block, offset), _mm512_set1_epi8(-128))
  }
}

/// Columns 0 ..< 16 from the low nibbles of four groups, 16 ..< 32 from the high ones.
@inline(__always)
func nibbles(_ block: UnsafeRawPointer) -> Weights32 {
  let g0 = loadInt8s(block, 0)
  let g1 = loadInt8s(block, 64)
  let g2 = loadInt8s(block, 128)
  let g3 = loadInt8s(block, 192)
  return Weights32(
    w0: lowNibble(g0), w1: lowNibble(g1), w2: lowNibble(g2), w3: lowNibble(g3),
    w4: highNibble(g0), w5: highNibble(g1), w6: highNibble(g2), w7: highNibble(g3))
}

/// The nibbles, with 16 added where the bit plane says so.
@inline(__always)
private func fiveBits(_ block: UnsafeRawPointer) -> Weights32 {
  let low = nibbles(block)
  let plane = block + 256
  return Weights32(
    w0: withFifthBit(low.w0, plane, 0), w1: withFifthBit(low.w1, plane, 8), w2: withFifthBit(low.w2, plane, 16),
    w3: withFifthBit(low.w3, plane, 24), w4: withFifthBit(low.w4, plane, 32), w5: withFifthBit(low.w5, plane, 40),
    w6: withFifthBit(low.w6, plane, 48), w7: withFifthBit(low.w7, plane, 56))
}

@inline(__always)
private func withFifthBit(_ nibbles: Integers, _ plane: UnsafeRawPointer, _ offset: Int) -> Integers {
  let mask = plane.load(fromByteOffset: offset, as: UInt64.self)
  return _mm512_mask_add_epi8(nibbles, mask, nibbles, _mm512_set1_epi8(16))
}
