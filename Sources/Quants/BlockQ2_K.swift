/// 256 values of 2 bits in 16 groups of 16: value = scale * (s * q) - minimumScale * m.
///
/// Byte g of `scales` holds group g's s in its low and m in its high nibble. Each half of 128 values uses 32 bytes of
/// `quants`: value 32 j + i of the half is bits 2 j and 2 j + 1 of byte i.
@frozen public struct BlockQ2_K: QuantBlock {
  public var scales: Bytes16
  public var quants: Bytes64
  public var scale: Half
  public var minimumScale: Half

  public static var type: QuantType { .q2_K }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    let minimumScale = block.pointee.minimumScale.float
    let scales = block.bytes(\.scales)
    let quants = block.bytes(\.quants)
    for group in 0..<16 {
      let groupScale = scale * Float(Int32(scales[group] & 15))
      let minimum = minimumScale * Float(Int32(scales[group] &>> 4))
      let (bytes, shift) = twoBitPlane(quants, ofGroup: group)
      let output = values + group &* 16
      for i in 0..<16 {
        output[i] = groupScale * Float(Int32((bytes[i] &>> shift) & 3)) - minimum
      }
    }
  }
}

/// Where the 2-bit fields of a group of 16 values lie in `quants` of Q2_K and Q3_K: 16 bytes and a shift.
@inline(__always)
func twoBitPlane(_ quants: UnsafePointer<UInt8>, ofGroup group: Int) -> (bytes: UnsafePointer<UInt8>, shift: UInt8) {
  let half = group &>> 3
  let plane = (group &>> 1) & 3
  return (quants + (half &* 32 &+ (group & 1) &* 16), UInt8(truncatingIfNeeded: plane &* 2))
}
