/// A block that rows of floats can be turned into.
protocol QuantizableBlock: QuantBlock {
  /// Writes `count / type.blockSize` blocks.
  static func quantize(
    row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>?, memory: QuantizerMemory,
    into blocks: UnsafeMutablePointer<Self>)
}

extension QuantizableBlock {
  static var quantizer: Quantizer {
    { row, count, importance, destination in
      let blocks = destination.assumingMemoryBound(to: Self.self)
      QuantizerMemory.with { memory in
        quantize(row: row, count: count, importance: importance, memory: memory, into: blocks)
      }
    }
  }
}

extension UnsafeMutablePointer where Pointee: QuantBlock {
  /// The bytes of a field of the block.
  @inline(__always)
  func bytes<Field: BitwiseCopyable>(_ field: KeyPath<Pointee, Field>) -> UnsafeMutablePointer<UInt8> {
    UnsafeMutablePointer<UInt8>(mutating: UnsafePointer(self).bytes(field))
  }
}

/// The value of largest magnitude, the first of equals; `count` is a multiple of 8. NaN counts as nothing.
@inline(__always)
func extreme(_ values: UnsafePointer<Float>, count: Int) -> Float {
  var largest = Lanes.zero
  for i in stride(from: 0, to: count, by: 8) {
    let magnitude = values.lanes(at: i).magnitude
    largest = largest.replacing(with: magnitude, where: magnitude .> largest)
  }
  let magnitude = (0..<8).reduce(0) { largest[$1] > $0 ? largest[$1] : $0 }
  for i in 0..<count where values[i].magnitude == magnitude && magnitude > 0 { return values[i] }
  return 0
}

/// What to multiply by instead of dividing by `scale`: 0 where there is nothing to divide.
///
/// Below 2^-128 the reciprocal would overflow, and quants be undefined. NaN makes them zero, as they turn out in ggml; the
/// half that such a scale is stored as is zero anyway.
@inline(__always)
func reciprocal(_ scale: Float) -> Float {
  let reciprocal = scale == 0 ? 0 : 1 / scale
  return reciprocal.isInfinite ? .nan : reciprocal
}
