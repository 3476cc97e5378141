/// Eight floats that are computed with together.
///
/// The sums by which quantisers judge a scale must be added in the order of the values to come out in the same bits as
/// elsewhere, so a sum cannot be split among lanes. But a block has eight or sixteen groups, each with sums of its own:
/// a lane is a group, and eight searches go on side by side.
typealias Lanes = SIMD8<Float>

/// 1.5 * 2^23: floats about it are spaced by one, so that adding it rounds to an integer, ties to even.
private let integerShift: Float = 12_582_912

extension Lanes {
  @inline(__always)
  var bits: SIMD8<UInt32> { unsafeBitCast(self, to: SIMD8<UInt32>.self) }

  /// The lanes rounded to integers, ties to even, then limited to `low ... high`.
  ///
  /// What is beyond 22 bits, infinite or NaN gives an arbitrary integer, but always the one that ggml's `nearest_int`
  /// gives: it too takes the low bits of the shifted float.
  @inline(__always)
  func nearest(_ low: Float, _ high: Float) -> Lanes {
    let mantissa = (self + integerShift).bits & 0x7f_ffff | 0x4b00_0000
    let shifted = unsafeBitCast(mantissa, to: Lanes.self)
    return shifted.clamped(Lanes(repeating: low + integerShift), Lanes(repeating: high + integerShift)) - integerShift
  }

  @inline(__always)
  func clamped(_ low: Lanes, _ high: Lanes) -> Lanes {
    let raised = replacing(with: low, where: self .< low)
    return raised.replacing(with: high, where: raised .> high)
  }

  @inline(__always)
  var magnitude: Lanes { unsafeBitCast(bits & 0x7fff_ffff, to: Lanes.self) }

  /// The lanes with the other sign, zeros too (which `-lanes` would not do).
  @inline(__always)
  var negated: Lanes { unsafeBitCast(bits ^ 0x8000_0000, to: Lanes.self) }

  /// Positive lanes rounded down, as C's conversion to an integer does it.
  @inline(__always)
  var roundedDown: Lanes {
    let nearest = self + integerShift - integerShift
    return nearest.replacing(with: nearest - 1, where: nearest .> self)
  }

  /// The lanes rounded to integers, ties away from zero, as C's `roundf` does it.
  @inline(__always)
  var roundedAway: Lanes {
    let nearest = self + integerShift - integerShift
    let rest = self - nearest
    return
      nearest
      .replacing(with: nearest + 1, where: (rest .== 0.5) .& (self .> 0))
      .replacing(with: nearest - 1, where: (rest .== -0.5) .& (self .< 0))
  }

  /// Writes integers from -128 to 255, which the lanes must be, as consecutive bytes; 0 for NaN.
  @inline(__always)
  func storeBytes(to bytes: UnsafeMutablePointer<UInt8>) {
    let low = SIMD8<UInt8>(truncatingIfNeeded: (self + integerShift).bits)
    UnsafeMutableRawPointer(bytes).storeBytes(of: low, as: SIMD8<UInt8>.self)
  }

  /// Writes them `stride` bytes apart.
  @inline(__always)
  func storeBytes(to bytes: UnsafeMutablePointer<UInt8>, stride: Int) {
    let bits = (self + integerShift).bits
    for lane in 0..<8 { bytes[lane &* stride] = UInt8(truncatingIfNeeded: bits[lane]) }
  }
}

extension UnsafePointer<Float> {
  /// Eight consecutive values.
  @inline(__always)
  func lanes(at index: Int) -> Lanes { UnsafeRawPointer(self + index).loadUnaligned(as: Lanes.self) }
}
