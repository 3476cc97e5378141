/// 32 four-bit floats (E2M1: a sign, two bits of exponent, one of fraction) with a power of two as their scale: the MXFP4 of
/// the OCP Microscaling Formats specification. Nibbles as in `BlockQ4_0`.
@frozen public struct BlockMXFP4: QuantBlock {
  /// Biased by 127, as in a single-precision number.
  public var exponent: UInt8
  public var nibbles: Bytes16

  public static var type: QuantType { .mxfp4 }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let exponent = UInt32(block.pointee.exponent)
    // Half of the scale, as levels are doubled; of the two smallest this is a subnormal number.
    let scale = Float(bitPattern: exponent < 2 ? 0x0020_0000 &<< exponent : (exponent &- 1) &<< 23)
    lookUp(block.bytes(\.nibbles), 16, scale, values)
  }
}

/// 64 four-bit floats (E2M1) in four groups of 16, each with an eight-bit float (E4M3) as its scale: the NVFP4 of NVIDIA,
/// without the scale of a whole tensor that checkpoints keep apart.
///
/// A group's nibbles are eight bytes: byte i holds value i in its low and value i + 8 in its high nibble.
@frozen public struct BlockNVFP4: QuantBlock {
  public var scales: Bytes4
  public var nibbles: Bytes32

  public static var type: QuantType { .nvfp4 }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let (scales, nibbles) = (block.bytes(\.scales), block.bytes(\.nibbles))
    for group in 0..<4 {
      lookUp(nibbles + group &* 8, 8, halfScale(scales[group]), values + group &* 16)
    }
  }

  /// Half the value of an E4M3 number, whose sign is ignored. The pattern of NaN counts as zero, as in ggml.
  @inline(__always)
  private static func halfScale(_ bits: UInt8) -> Float {
    if bits == 0x7F { return 0 }
    let (exponent, fraction) = (UInt32(bits &>> 3 & 15), Float(bits & 7))
    // fraction / 8 * 2^-6, or (1 + fraction / 8) * 2^(exponent - 7), and once more halved.
    if exponent == 0 { return fraction * 0x1p-10 }
    return (8 + fraction) * Float(bitPattern: (exponent &+ (127 - 11)) &<< 23)
  }
}

/// The values of E2M1, doubled to make them whole.
private let doubledLevels: [Int8] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]

/// The low, then the high nibbles of `byteCount` bytes.
@inline(__always)
private func lookUp(
  _ nibbles: UnsafePointer<UInt8>, _ byteCount: Int, _ scale: Float, _ values: UnsafeMutablePointer<Float>
) {
  doubledLevels.withUnsafeBufferPointer { levels in
    for i in 0..<byteCount {
      values[i] = scale * Float(Int32(levels[Int(nibbles[i] & 15)]))
      values[i &+ byteCount] = scale * Float(Int32(levels[Int(nibbles[i] &>> 4)]))
    }
  }
}
