/// The sixteen levels of IQ4_NL and IQ4_XS, closer together around zero where weights are dense (defined by ggml).
public let iq4Levels: [Int8] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]

/// 32 values of 4 bits on the uneven grid `iq4Levels`: value = scale * level. Nibbles as in `BlockQ4_0`.
@frozen public struct BlockIQ4_NL: QuantBlock {
  public var scale: Half
  public var nibbles: Bytes16

  public static var type: QuantType { .iq4_NL }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    lookUp(block.bytes(\.nibbles), scale: block.pointee.scale.float, into: values)
  }
}

/// 256 values of 4 bits on the grid `iq4Levels` in 8 groups of 32: value = scale * (s - 32) * level.
///
/// Group g uses 16 bytes of `nibbles`, laid out as in `BlockQ4_0`. Its 6-bit s has a nibble in `lowScales` and two bits
/// in `highScales`, both filled from the lowest bit up.
@frozen public struct BlockIQ4_XS: QuantBlock {
  public var scale: Half
  /// Eight 2-bit fields, a little-endian 16-bit number.
  public var highScales: (low: UInt8, high: UInt8)
  public var lowScales: Bytes4
  public var nibbles: Bytes128

  public static var type: QuantType { .iq4_XS }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    let nibbles = block.bytes(\.nibbles)
    for group in 0..<8 {
      let groupScale = scale * Float(BlockIQ4_XS.groupScale(block.bytes(\.highScales), group))
      lookUp(nibbles + group &* 16, scale: groupScale, into: values + group &* 32)
    }
  }

  /// The signed scale of `group` in 0..<8, from -32 to 31, in the six bytes of `highScales` and `lowScales`.
  @inlinable @inline(__always)
  public static func groupScale(_ scales: UnsafePointer<UInt8>, _ group: Int) -> Int32 {
    let low = (scales[2 &+ group &>> 1] &>> UInt8(truncatingIfNeeded: (group & 1) &* 4)) & 15
    let high = (scales[group &>> 2] &>> UInt8(truncatingIfNeeded: (group & 3) &* 2)) & 3
    return Int32(low | high &<< 4) &- 32
  }
}

/// Dequantises 32 values from 16 bytes of nibbles.
@inline(__always)
private func lookUp(_ nibbles: UnsafePointer<UInt8>, scale: Float, into values: UnsafeMutablePointer<Float>) {
  iq4Levels.withUnsafeBufferPointer { levels in
    for i in 0..<16 {
      values[i] = scale * Float(Int32(levels[Int(nibbles[i] & 15)]))
      values[i &+ 16] = scale * Float(Int32(levels[Int(nibbles[i] &>> 4)]))
    }
  }
}
