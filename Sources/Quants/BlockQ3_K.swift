/// 256 values of 3 bits in 16 groups of 16: value = scale * (s - 32) * (q - 4).
///
/// The low two bits of q lie as in `BlockQ2_K`; the third bit of value 32 j + i is bit j of `highBits[i]`.
/// `scales` packs sixteen 6-bit numbers: low nibbles of 0..<8 and high nibbles (for 8..<16) of bytes 0..<8, upper bits
/// in pairs in the last four bytes.
@frozen public struct BlockQ3_K: QuantBlock {
  public var highBits: Bytes32
  public var quants: Bytes64
  public var scales: Bytes12
  public var scale: Half

  public static var type: QuantType { .q3_K }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    let scales = block.bytes(\.scales)
    let quants = block.bytes(\.quants)
    let highBits = block.bytes(\.highBits)
    for group in 0..<16 {
      let groupScale = scale * Float(groupScale(scales, group))
      let (bytes, shift) = twoBitPlane(quants, ofGroup: group)
      let upper = highBits + (group & 1) &* 16
      let upperShift = UInt8(truncatingIfNeeded: group &>> 1)
      let output = values + group &* 16
      for i in 0..<16 {
        let low = (bytes[i] &>> shift) & 3
        let high = ((upper[i] &>> upperShift) & 1) &<< 2
        output[i] = groupScale * Float(Int32(low | high) &- 4)
      }
    }
  }

  /// The signed scale of `group` in 0..<16, from -32 to 31, in the twelve bytes of `scales`.
  @inlinable @inline(__always)
  public static func groupScale(_ scales: UnsafePointer<UInt8>, _ group: Int) -> Int32 {
    let low = group < 8 ? scales[group] & 15 : scales[group &- 8] &>> 4
    let high = (scales[8 &+ (group & 3)] &>> UInt8(truncatingIfNeeded: (group &>> 2) &* 2)) & 3
    return Int32(low | high &<< 4) &- 32
  }
}
