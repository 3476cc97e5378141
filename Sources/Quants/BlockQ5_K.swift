/// 256 values of 5 bits in 8 groups of 32: value = scale * s * q - minimumScale * m.
///
/// Nibbles and scales as in `BlockQ4_K`; the fifth bit of value 32 g + i is bit g of `highBits[i]`.
@frozen public struct BlockQ5_K: QuantBlock {
  public var scale: Half
  public var minimumScale: Half
  public var scales: Bytes12
  public var highBits: Bytes32
  public var nibbles: Bytes128

  public static var type: QuantType { .q5_K }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    let minimumScale = block.pointee.minimumScale.float
    let scales = SixBitScales(bytes: block.bytes(\.scales))
    let highBits = block.bytes(\.highBits)
    for group in 0..<8 {
      let groupScale = scale * Float(scales.scale(group))
      let minimum = minimumScale * Float(scales.minimum(group))
      let nibbles = block.bytes(\.nibbles) + (group &>> 1) &* 32
      let shift = UInt8(truncatingIfNeeded: (group & 1) &* 4)
      let bit = UInt8(truncatingIfNeeded: group)
      let output = values + group &* 32
      for i in 0..<32 {
        let quant = (nibbles[i] &>> shift) & 15 | ((highBits[i] &>> bit) & 1) &<< 4
        output[i] = groupScale * Float(Int32(quant)) - minimum
      }
    }
  }
}
