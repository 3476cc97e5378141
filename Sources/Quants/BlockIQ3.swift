/// 256 values in 64 codes of `CodeBook.iq3_XXS`, of four values each, in 8 groups of 8 codes:
/// value = scale * (s + 1/2) / 2 * ±element.
///
/// A group's 32-bit number in `groups` has four patterns of seven bits for `evenSigns` and, on top, s.
@frozen public struct BlockIQ3_XXS: QuantBlock {
  public var scale: Half
  public var codes: Bytes64
  public var groups: Bytes32

  public static var type: QuantType { .iq3_XXS }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let (scale, codes, groups) = (block.pointee.scale.float, block.bytes(\.codes), block.bytes(\.groups))
    for group in 0..<8 {
      let bits = groups.uint32(4 &* group)
      let groupScale = scale * (0.5 + Float(bits &>> 28)) * 0.5
      for i in 0..<4 {
        let index = group &* 4 &+ i
        CodeBook.iq3_XXS.pair(codes[2 &* index], codes[2 &* index &+ 1])
          .negated(where: evenSigns(bits &>> UInt32(truncatingIfNeeded: 7 &* i)))
          .write(scale: groupScale, to: values + index &* 8)
      }
    }
  }
}

/// 256 values in 64 codes of `CodeBook.iq3_S`, of four values each: value = scale * (2 s + 1) * ±element, one s for each
/// 32 values.
///
/// `codes` holds the low eight bits of each code and `upper` the ninth; `signs` has a bit for each value. `scales` holds
/// the s, a nibble each, low ones first.
@frozen public struct BlockIQ3_S: QuantBlock {
  public var scale: Half
  public var codes: Bytes64
  public var upper: Bytes8
  public var signs: Bytes32
  public var scales: Bytes4

  public static var type: QuantType { .iq3_S }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let (scale, codes, upper) = (block.pointee.scale.float, block.bytes(\.codes), block.bytes(\.upper))
    let (signs, scales) = (block.bytes(\.signs), block.bytes(\.scales))
    for index in 0..<32 {
      let ninth = UInt16(upper[index &>> 2] &>> UInt8(truncatingIfNeeded: (index & 3) &* 2))
      let first = UInt16(codes[2 &* index]) | (ninth & 1) &<< 8
      let second = UInt16(codes[2 &* index &+ 1]) | (ninth & 2) &<< 7
      CodeBook.iq3_S.pair(first, second).negated(where: signs[index])
        .write(scale: scale * Float(scales.nibble(index &>> 2) &* 2 &+ 1), to: values + index &* 8)
    }
  }
}

extension CodeBook {
  /// Eight elements from two codes of four.
  @inline(__always)
  fileprivate func pair(_ first: some BinaryInteger, _ second: some BinaryInteger) -> SIMD8<Int8> {
    SIMD8(lowHalf: self[first].lowHalf, highHalf: self[second].lowHalf)
  }
}
