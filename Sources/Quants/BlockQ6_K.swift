/// 256 values of 6 bits in 16 groups of 16 with signed byte scales: value = scale * s * (q - 32).
///
/// Each half of 128 values uses 64 bytes of `nibbles` and 32 of `highBits`. Value 32 j + i of the half takes its low
/// four bits from byte 32 (j mod 2) + i, low nibbles for j < 2 and high ones after, and its upper two from bits 2 j and
/// 2 j + 1 of byte i.
@frozen public struct BlockQ6_K: QuantBlock {
  public var nibbles: Bytes128
  public var highBits: Bytes64
  public var scales: Bytes16
  public var scale: Half

  public static var type: QuantType { .q6_K }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    let scales = block.bytes(\.scales)
    for group in 0..<16 {
      let half = group &>> 3
      let plane = (group &>> 1) & 3
      let within = (group & 1) &* 16
      let nibbles = block.bytes(\.nibbles) + (half &* 64 &+ (plane & 1) &* 32 &+ within)
      let nibbleShift = UInt8(truncatingIfNeeded: (plane &>> 1) &* 4)
      let highBits = block.bytes(\.highBits) + (half &* 32 &+ within)
      let highShift = UInt8(truncatingIfNeeded: plane &* 2)
      let groupScale = scale * Float(Int32(Int8(bitPattern: scales[group])))
      let output = values + group &* 16
      for i in 0..<16 {
        let quant = (nibbles[i] &>> nibbleShift) & 15 | ((highBits[i] &>> highShift) & 3) &<< 4
        output[i] = groupScale * Float(Int32(quant) &- 32)
      }
    }
  }
}
