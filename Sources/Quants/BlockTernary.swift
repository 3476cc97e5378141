/// 256 values of -1, 0 or 1, five to a byte: value = scale * t.
///
/// A byte holds the digits (t + 1) of five values in base 3 as a fraction of 256, rounded up: multiplied by 3 modulo 256
/// as often as there are digits before, it gives the next one in the upper byte of 3 times itself. Value 32 j + i is digit
/// j of `quants[i]`, value 160 + 16 j + i of `moreQuants[i]`, and value 240 + 4 j + i, of four digits only, of
/// `lastQuants[i]`.
@frozen public struct BlockTQ1_0: QuantBlock {
  public var quants: Bytes32
  public var moreQuants: Bytes16
  public var lastQuants: Bytes4
  public var scale: Half

  public static var type: QuantType { .tq1_0 }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    writeDigits(block.bytes(\.quants), 32, 5, scale, values)
    writeDigits(block.bytes(\.moreQuants), 16, 5, scale, values + 160)
    writeDigits(block.bytes(\.lastQuants), 4, 4, scale, values + 240)
  }

  /// Digit j of byte i to `values[j * byteCount + i]`.
  @inline(__always)
  private static func writeDigits(
    _ bytes: UnsafePointer<UInt8>, _ byteCount: Int, _ digits: Int, _ scale: Float,
    _ values: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<byteCount {
      var fraction = bytes[i]
      for digit in 0..<digits {
        let tripled = UInt16(fraction) &* 3
        values[digit &* byteCount &+ i] = scale * Float(Int32(tripled &>> 8) &- 1)
        fraction = UInt8(truncatingIfNeeded: tripled)
      }
    }
  }
}

/// 256 values of -1, 0 or 1 (or 2) in two bits each: value = scale * (q - 1).
///
/// Value 32 j + i of each half of 128 is bits 2 j and 2 j + 1 of byte i of the half's 32.
@frozen public struct BlockTQ2_0: QuantBlock {
  public var quants: Bytes64
  public var scale: Half

  public static var type: QuantType { .tq2_0 }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    let quants = block.bytes(\.quants)
    for group in 0..<16 {
      let (bytes, shift) = twoBitPlane(quants, ofGroup: group)
      for i in 0..<16 { values[group &* 16 &+ i] = scale * Float(Int32((bytes[i] &>> shift) & 3) &- 1) }
    }
  }
}

/// 128 values of one bit: the scale where it is set, and the scale negated where it is not. Lowest bits come first.
@frozen public struct BlockQ1_0: QuantBlock {
  public var scale: Half
  public var bits: Bytes16

  public static var type: QuantType { .q1_0 }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    let bits = block.bytes(\.bits)
    for i in 0..<128 {
      values[i] = bits[i &>> 3] &>> UInt8(truncatingIfNeeded: i & 7) & 1 == 1 ? scale : -scale
    }
  }
}

/// 64 values of two bits: value = scale * (q - 1). Lowest bits come first.
@frozen public struct BlockQ2_0: QuantBlock {
  public var scale: Half
  public var quants: Bytes16

  public static var type: QuantType { .q2_0 }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    let quants = block.bytes(\.quants)
    for i in 0..<64 {
      let q = quants[i &>> 2] &>> UInt8(truncatingIfNeeded: (i & 3) &* 2) & 3
      values[i] = scale * Float(Int32(q) &- 1)
    }
  }
}
