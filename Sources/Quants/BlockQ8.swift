/// 32 signed bytes: value = scale * q.
@frozen public struct BlockQ8_0: QuantBlock {
  public var scale: Half
  public var quants: Bytes32

  public static var type: QuantType { .q8_0 }

  public static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>) {
    let scale = block.pointee.scale.float
    let quants = block.bytes(\.quants)
    for i in 0..<32 {
      values[i] = Float(Int32(Int8(bitPattern: quants[i]))) * scale
    }
  }
}
