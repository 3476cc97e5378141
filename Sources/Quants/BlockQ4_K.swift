/// 256 values of 4 bits in 8 groups of 32: value = scale * s * q - minimumScale * m.
///
/// Groups 2 j and 2 j + 1 are the low and high nibbles of the j-th 32 bytes of `nibbles`. `scales` packs s and m, six
/// bits each (`SixBitScales`).
@frozen public struct BlockQ4_K: QuantBlock {
  public var scale: Half
  public var minimumScale: Half
  public var scales: Bytes12
  public var nibbles: Bytes128

  public static var type: QuantType { .q4_K }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    let minimumScale = block.pointee.minimumScale.float
    let scales = SixBitScales(bytes: block.bytes(\.scales))
    for group in 0..<8 {
      let groupScale = scale * Float(scales.scale(group))
      let minimum = minimumScale * Float(scales.minimum(group))
      let nibbles = block.bytes(\.nibbles) + (group &>> 1) &* 32
      let shift = UInt8(truncatingIfNeeded: (group & 1) &* 4)
      let output = values + group &* 32
      for i in 0..<32 {
        output[i] = groupScale * Float(Int32((nibbles[i] &>> shift) & 15)) - minimum
      }
    }
  }
}

/// The eight 6-bit scales and eight 6-bit minimums that Q4_K and Q5_K pack into twelve bytes.
///
/// Bytes 0..<4 hold scales 0..<4 and bytes 4..<8 minimums 0..<4 in their low six bits. Scale and minimum 4 + k have
/// their low nibbles in byte 8 + k and their upper two bits on top of bytes k and 4 + k.
public struct SixBitScales {
  @usableFromInline let bytes: UnsafePointer<UInt8>

  @inlinable @inline(__always)
  public init(bytes: UnsafePointer<UInt8>) { self.bytes = bytes }

  /// The scale of `group` in 0..<8, from 0 to 63.
  @inlinable @inline(__always)
  public func scale(_ group: Int) -> Int32 {
    group < 4
      ? Int32(bytes[group] & 63)
      : Int32((bytes[group &+ 4] & 15) | (bytes[group &- 4] &>> 6) &<< 4)
  }

  /// The minimum of `group` in 0..<8, from 0 to 63.
  @inlinable @inline(__always)
  public func minimum(_ group: Int) -> Int32 {
    group < 4
      ? Int32(bytes[group &+ 4] & 63)
      : Int32((bytes[group &+ 4] &>> 4) | (bytes[group] &>> 6) &<< 4)
  }
}
