/// e to the power of `x`, for `x` at most 0 (anything above counts as 0), to about 2e-7 relative.
///
/// Why not libm's: it differs in the last bit from platform to platform, which once in a while moves a draw to another
/// token, and a call per vocabulary entry is slow. This is Cody and Waite's range reduction with the Taylor series to
/// the sixth power, in plain operations that IEEE 754 fixes to the bit.
@inline(__always)
func exponential(_ x: Float) -> Float {
  // Below this the result would be subnormal. A NaN fails the comparison as well.
  guard x > -87 else { return 0 }
  let x = min(x, 0)
  let n = Int32(x * 1.442_695_04 - 0.5)
  let power = Float(n)
  let r = (x - power * 0.693_359_375) + power * 2.121_944_4e-4
  let series = 1 / 6 as Float + r * (1 / 24 + r * (1 / 120 + r * (1 / 720)))
  return (1 + r + r * r * (0.5 + r * series)) * Float(bitPattern: UInt32(bitPattern: n &+ 127) << 23)
}
