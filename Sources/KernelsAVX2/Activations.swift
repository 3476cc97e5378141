import CIntrinsics
import KingletKernels

/// Rounds activations to int8 with a scale for each 16 columns: two vectors of floats at a time.
///
/// Sums of eight bytes come from `vpsadbw` against zero after flipping the sign bits, which adds 128 to each byte and
/// so 1,024 to each sum.
@inline(never)
func quantizeActivations256(
  _ x: UnsafePointer<Float>, _ columns: Int, _ tile: UnsafeMutableRawPointer, _ width: Int, _ slot: Int
) {
  var record = tile
  var column = 0
  while column < columns {
    let first = quantize16(x + column, record, width, slot, half: 0)
    let second = quantize16(x + column + 16, record, width, slot, half: 1)
    record.storeBytes(of: first.sum + second.sum, toByteOffset: width &* 48 &+ slot &* 4, as: Float.self)
    record.storeBytes(of: first.shift + second.shift, toByteOffset: width &* 52 &+ slot &* 4, as: Float.self)
    record += recordByteCount(width)
    column &+= 32
  }
}

/// Sixteen columns; returns their float sum and their shift.
@inline(__always)
private func quantize16(
  _ x: UnsafePointer<Float>, _ record: UnsafeMutableRawPointer, _ width: Int, _ slot: Int, half: Int
) -> (sum: Float, shift: Float) {
  let (a, b) = (_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8))
  let sign = _mm256_set1_ps(-0.0)
  let largest = maximumOfLanes(_mm256_max_ps(_mm256_andnot_ps(sign, a), _mm256_andnot_ps(sign, b)))
  let scale = ActivationLayout.scale(largest: largest)
  let inverse = _mm256_set1_ps(scale > ActivationLayout.smallest ? 1 / scale : 0)
  let integersA = _mm256_cvtps_epi32(_mm256_mul_ps(a, inverse))
  let integersB = _mm256_cvtps_epi32(_mm256_mul_ps(b, inverse))
  let q = _mm_packs_epi16(
    _mm_packs_epi32(_mm256_castsi256_si128(integersA), kinglet256_upper_integers(integersA)),
    _mm_packs_epi32(_mm256_castsi256_si128(integersB), kinglet256_upper_integers(integersB)))
  _mm_storeu_si128((record + slot &* 32 + half &* 16).assumingMemoryBound(to: __m128i_u.self), q)
  let sums = _mm_sad_epu8(_mm_xor_si128(q, _mm_set1_epi8(-128)), _mm_setzero_si128())
  let low = Int32(truncatingIfNeeded: _mm_cvtsi128_si64(sums)) &- 1024
  let high = Int32(truncatingIfNeeded: _mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums))) &- 1024
  record.storeBytes(
    of: (low & 0xFFFF) | (high &<< 16), toByteOffset: width &* 40 &+ slot &* 8 &+ half &* 4, as: Int32.self)
  record.storeBytes(of: scale, toByteOffset: width &* 32 &+ slot &* 8 &+ half &* 4, as: Float.self)
  let shift = -ActivationLayout.integerBase * scale
  record.storeBytes(of: shift, toByteOffset: width &* 56 &+ slot &* 8 &+ half &* 4, as: Float.self)
  return (scale * Float(low &+ high), shift)
}
