extension QuantType {
  /// Whether the scales and minimums of `count` values' blocks are finite, which those of too large values are not.
  ///
  /// True for types without a half-precision scale.
  public func hasFiniteScales(_ blocks: UnsafeRawPointer, count: Int) -> Bool {
    let bytes = blocks.assumingMemoryBound(to: UInt8.self)
    for offset in scaleOffsets {
      for block in 0..<count / blockSize {
        // A half is infinite or NaN when its exponent, bits 10 to 14, is all ones.
        if bytes.uint16(block &* blockByteCount &+ offset) & 0x7c00 == 0x7c00 { return false }
      }
    }
    return true
  }

  /// Where a block has halves, of the types that can be quantised to.
  private var scaleOffsets: [Int] {
    switch self {
    case .f16, .q4_0, .q5_0, .q8_0, .iq4_NL, .iq4_XS: [0]
    case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
    case .q2_K: [80, 82]
    case .q3_K: [108]
    case .q6_K: [208]
    default: []
    }
  }
}
