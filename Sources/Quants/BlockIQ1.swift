/// 256 values in 32 codes of `CodeBook.iq1`, in 8 groups of 4: value = scale * (2 s + 1) * (element ± 1/8).
///
/// `codes` holds the low eight bits of each code. A group's 16-bit number in `groups` has the upper three bits of its
/// codes from the lowest bit up, then s in three bits, and on top whether 1/8 is subtracted.
@frozen public struct BlockIQ1_S: QuantBlock {
  public var scale: Half
  public var codes: Bytes32
  public var groups: Bytes16

  public static var type: QuantType { .iq1_S }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let (scale, codes, groups) = (block.pointee.scale.float, block.bytes(\.codes), block.bytes(\.groups))
    for group in 0..<8 {
      let bits = groups.uint16(2 &* group)
      let groupScale = scale * Float((bits &>> 12 & 7) &* 2 &+ 1)
      let offset: Float = bits &>> 15 == 0 ? 0.125 : -0.125
      for i in 0..<4 {
        let index = group &* 4 &+ i
        let code = UInt16(codes[index]) | (bits &>> UInt16(truncatingIfNeeded: 3 &* i) & 7) &<< 8
        CodeBook.iq1[code].write(scale: groupScale, offset: offset, to: values + index &* 8)
      }
    }
  }
}

/// 256 values in 32 codes of `CodeBook.iq1`: value = scale * (2 s + 1) * (element ± 1/8), one s for each two codes.
///
/// `codes` holds the low eight bits of each code, `upper` a nibble for each: three more bits, and whether 1/8 is
/// subtracted. `scales` is four 16-bit numbers: four s of three bits each from the lowest bit up, and on top a nibble of
/// the block's half-precision scale, the first number having the lowest.
@frozen public struct BlockIQ1_M: QuantBlock {
  public var codes: Bytes32
  public var upper: Bytes16
  public var scales: Bytes8

  public static var type: QuantType { .iq1_M }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let (codes, upper, scales) = (block.bytes(\.codes), block.bytes(\.upper), block.bytes(\.scales))
    var bits: UInt16 = 0
    for i in 0..<4 { bits |= (scales.uint16(2 &* i) &>> 12) &<< UInt16(truncatingIfNeeded: 4 &* i) }
    let scale = Half(bits: bits).float
    for index in 0..<32 {
      let pair = index &>> 1
      let s = scales.uint16(pair &>> 2 &* 2) &>> UInt16(truncatingIfNeeded: (pair & 3) &* 3) & 7
      let nibble = upper[pair] &>> UInt8(truncatingIfNeeded: (index & 1) &* 4) & 15
      let code = UInt16(codes[index]) | UInt16(nibble & 7) &<< 8
      CodeBook.iq1[code].write(
        scale: scale * Float(s &* 2 &+ 1), offset: nibble & 8 == 0 ? 0.125 : -0.125, to: values + index &* 8)
    }
  }
}
