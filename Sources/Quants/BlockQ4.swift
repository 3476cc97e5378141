/// 32 values of 4 bits, symmetric: value = scale * (q - 8).
///
/// Byte i holds value i in its low and value i + 16 in its high nibble.
@frozen public struct BlockQ4_0: QuantBlock {
  public var scale: Half
  public var nibbles: Bytes16

  public static var type: QuantType { .q4_0 }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    let nibbles = block.bytes(\.nibbles)
    for i in 0..<16 {
      values[i] = Float(Int32(nibbles[i] & 15) &- 8) * scale
      values[i &+ 16] = Float(Int32(nibbles[i] &>> 4) &- 8) * scale
    }
  }
}

/// 32 values of 4 bits with a minimum: value = scale * q + minimum. Nibbles as in `BlockQ4_0`.
@frozen public struct BlockQ4_1: QuantBlock {
  public var scale: Half
  public var minimum: Half
  public var nibbles: Bytes16

  public static var type: QuantType { .q4_1 }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    let minimum = block.pointee.minimum.float
    let nibbles = block.bytes(\.nibbles)
    for i in 0..<16 {
      values[i] = Float(Int32(nibbles[i] & 15)) * scale + minimum
      values[i &+ 16] = Float(Int32(nibbles[i] &>> 4)) * scale + minimum
    }
  }
}
