/// e to the power of `x`, for `x` at most 0 (anything above counts as 0), to about 3e-7 relative; 0 below -87, where
/// the result would be subnormal, and for NaN.
///
/// Why not libm's: it differs in the last bit from platform to platform, which once in a while moves a draw to another
/// token, and a call per vocabulary entry is slow. This is Cody and Waite's range reduction with the Taylor series to
/// the sixth power, in plain operations that IEEE 754 fixes to the bit, and without a branch, so that loops over it
/// are vectorised.
@inline(__always)
func exponential(_ x: Float) -> Float {
  let clamped = x > -87 ? (x < 0 ? x : 0) : -87
  // Added to this, a small number is rounded to an integer, which then stands in the low bits.
  let rounder: Float = 12_582_912
  let rounded = clamped * 1.442_695_04 + rounder
  let power = rounded - rounder
  let r = (clamped - power * 0.693_359_375) + power * 2.121_944_4e-4
  let series = 1 / 6 as Float + r * (1 / 24 + r * (1 / 120 + r * (1 / 720)))
  let result = (1 + r + r * r * (0.5 + r * series)) * Float(bitPattern: (rounded.bitPattern &+ 127) << 23)
  return x > -87 ? result : 0
}

/// Replaces each value by `exponential((value - top) / temperature)`, which is 1 for the top, and returns their sum.
@discardableResult
package func exponentiate(_ values: inout [Float], below top: Float, temperature: Float = 1) -> Double {
  // Two loops: the first is vectorised, the second is a chain of additions in fixed order.
  for index in values.indices { values[index] = exponential((values[index] - top) / temperature) }
  var sum = 0.0
  for value in values { sum += Double(value) }
  return sum
}
