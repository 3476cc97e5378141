/// 32 values of 5 bits, symmetric: value = scale * (q - 16).
///
/// Nibbles as in `BlockQ4_0`; the fifth bit of value i is bit i of `highBits`, counted from the first byte's lowest.
@frozen public struct BlockQ5_0: QuantBlock {
  public var scale: Half
  public var highBits: Bytes4
  public var nibbles: Bytes16

  public static var type: QuantType { .q5_0 }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    let highBits = block.pointee.highBits.bits
    let nibbles = block.bytes(\.nibbles)
    for i in 0..<16 {
      let (low, high) = fiveBits(nibbles[i], highBits, at: i)
      values[i] = Float(low &- 16) * scale
      values[i &+ 16] = Float(high &- 16) * scale
    }
  }
}

/// 32 values of 5 bits with a minimum: value = scale * q + minimum. Bits as in `BlockQ5_0`.
@frozen public struct BlockQ5_1: QuantBlock {
  public var scale: Half
  public var minimum: Half
  public var highBits: Bytes4
  public var nibbles: Bytes16

  public static var type: QuantType { .q5_1 }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    let minimum = block.pointee.minimum.float
    let highBits = block.pointee.highBits.bits
    let nibbles = block.bytes(\.nibbles)
    for i in 0..<16 {
      let (low, high) = fiveBits(nibbles[i], highBits, at: i)
      values[i] = Float(low) * scale + minimum
      values[i &+ 16] = Float(high) * scale + minimum
    }
  }
}

/// Values i and i + 16 of a block, their fifth bits joined to the nibbles.
@inline(__always)
private func fiveBits(_ nibbles: UInt8, _ highBits: UInt32, at i: Int) -> (low: Int32, high: Int32) {
  let shift = UInt32(truncatingIfNeeded: i)
  let low = UInt32(nibbles & 15) | ((highBits &>> shift) & 1) &<< 4
  let high = UInt32(nibbles &>> 4) | ((highBits &>> (shift &+ 16)) & 1) &<< 4
  return (Int32(bitPattern: low), Int32(bitPattern: high))
}
