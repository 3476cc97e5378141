/// 256 values in 32 signed codes of `CodeBook.iq2_XXS`, in 8 groups of 4: value = scale * (s + 1/2) / 4 * ±element.
///
/// A group is eight bytes: its four codes, then a 32-bit number with four patterns of seven bits for `evenSigns` and, on
/// top, s.
@frozen public struct BlockIQ2_XXS: QuantBlock {
  public var scale: Half
  public var groups: Bytes64

  public static var type: QuantType { .iq2_XXS }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    for group in 0..<8 {
      let codes = block.bytes(\.groups) + group &* 8
      let bits = codes.uint32(4)
      let groupScale = scale * (0.5 + Float(bits &>> 28)) * 0.25
      for i in 0..<4 {
        CodeBook.iq2_XXS[codes[i]].negated(where: evenSigns(bits &>> UInt32(truncatingIfNeeded: 7 &* i)))
          .write(scale: groupScale, to: values + (group &* 32 &+ i &* 8))
      }
    }
  }
}

/// 256 values in 32 signed codes of `CodeBook.iq2_XS`: value = scale * (s + 1/2) / 4 * ±element, one s for each two codes.
///
/// A 16-bit number of `codes` is a code in its low nine bits and a pattern for `evenSigns` above; `scales` holds the s,
/// a nibble each, low ones first.
@frozen public struct BlockIQ2_XS: QuantBlock {
  public var scale: Half
  public var codes: Bytes64
  public var scales: Bytes8

  public static var type: QuantType { .iq2_XS }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let (scale, codes, scales) = (block.pointee.scale.float, block.bytes(\.codes), block.bytes(\.scales))
    for index in 0..<32 {
      let code = codes.uint16(2 &* index)
      CodeBook.iq2_XS[code & 511].negated(where: evenSigns(code &>> 9))
        .write(scale: scale * (0.5 + Float(scales.nibble(index &>> 1))) * 0.25, to: values + index &* 8)
    }
  }
}

/// 256 values in 32 signed codes of `CodeBook.iq2_S`: value = scale * (s + 1/2) / 4 * ±element, one s for each two codes.
///
/// `codes` holds the low eight bits of each code and `upper` two more, four codes to a byte; `signs` has a bit for each
/// value. `scales` as in `BlockIQ2_XS`.
@frozen public struct BlockIQ2_S: QuantBlock {
  public var scale: Half
  public var codes: Bytes32
  public var signs: Bytes32
  public var upper: Bytes8
  public var scales: Bytes8

  public static var type: QuantType { .iq2_S }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let (scale, codes, signs) = (block.pointee.scale.float, block.bytes(\.codes), block.bytes(\.signs))
    let (upper, scales) = (block.bytes(\.upper), block.bytes(\.scales))
    for index in 0..<32 {
      let high = upper[index &>> 2] &>> UInt8(truncatingIfNeeded: (index & 3) &* 2) & 3
      CodeBook.iq2_S[UInt16(codes[index]) | UInt16(high) &<< 8].negated(where: signs[index])
        .write(scale: scale * (0.5 + Float(scales.nibble(index &>> 1))) * 0.25, to: values + index &* 8)
    }
  }
}
