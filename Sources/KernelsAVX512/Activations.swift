import CIntrinsics
import KingletKernels

/// Rounds activations to int8 with a scale for each 16 columns: two vectors of floats, which make a record, at a time.
///
/// Both vectors share the steps of their reductions. Sums of eight bytes come from `vpsadbw` against zero after flipping
/// the sign bits, which adds 128 to each byte and so 1,024 to each sum.
@inline(never)
func quantizeActivations512(
  _ x: UnsafePointer<Float>, _ columns: Int, _ tile: UnsafeMutableRawPointer, _ width: Int, _ slot: Int
) {
  var record = tile
  var column = 0
  while column < columns {
    let (first, second) = (_mm512_loadu_ps(x + column), _mm512_loadu_ps(x + column + 16))
    // [first, second, …], as all that follows.
    let largest = kinglet512_maxima(_mm512_abs_ps(first), _mm512_abs_ps(second))
    let tail = _mm_set1_epi32(Int32(ActivationLayout.scaleTail))
    let scales = _mm_castsi128_ps(
      _mm_andnot_si128(tail, _mm_add_epi32(_mm_castps_si128(_mm_mul_ps(largest, _mm_set1_ps(1 / 127))), tail)))
    let inverses = kinglet512_inverses(scales, ActivationLayout.smallest, 1)
    let q = _mm256_set_m128i(
      rounded(second, _mm512_broadcastss_ps(_mm_movehdup_ps(inverses))), rounded(first, _mm512_broadcastss_ps(inverses))
    )
    _mm256_storeu_si256((record + slot &* 32).assumingMemoryBound(to: __m256i_u.self), q)
    let sums = _mm256_sub_epi64(
      _mm256_sad_epu8(_mm256_xor_si256(q, _mm256_set1_epi8(-128)), _mm256_setzero_si256()), _mm256_set1_epi64x(1024))
    _mm_storeu_si64(record + (width &* 40 &+ slot &* 8), _mm256_cvtepi64_epi16(sums))
    _mm_storeu_si64(record + (width &* 32 &+ slot &* 8), _mm_castps_si128(scales))
    let shifts = _mm_mul_ps(scales, _mm_set1_ps(-ActivationLayout.integerBase))
    _mm_storeu_si64(record + (width &* 56 &+ slot &* 8), _mm_castps_si128(shifts))
    record.storeBytes(
      of: _mm_cvtss_f32(_mm_add_ss(shifts, _mm_movehdup_ps(shifts))), toByteOffset: width &* 52 &+ slot &* 4,
      as: Float.self)
    let pairs = _mm256_cvtepi64_epi32(sums)
    let totals = _mm_mul_ps(scales, _mm_cvtepi32_ps(_mm_hadd_epi32(pairs, pairs)))
    record.storeBytes(
      of: _mm_cvtss_f32(_mm_add_ss(totals, _mm_movehdup_ps(totals))), toByteOffset: width &* 48 &+ slot &* 4,
      as: Float.self)
    record += recordByteCount(width)
    column &+= 32
  }
}

@inline(__always)
private func rounded(_ values: Floats, _ inverse: Floats) -> __m128i {
  _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(values, inverse)))
}
