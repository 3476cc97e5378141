import CIntrinsics
import KingletKernels

// Kernels on single vectors of floats. The last, incomplete eight elements go through a masked load and store.

/// Eight elements from `offset` on, or the last ones.
struct Slice {
  let offset: Int
  let isWhole: Bool
  let mask: Integers

  @inline(__always)
  func load(_ x: UnsafePointer<Float>) -> Floats {
    isWhole ? _mm256_loadu_ps(x + offset) : _mm256_maskload_ps(x + offset, mask)
  }

  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, _ values: Floats) {
    if isWhole { _mm256_storeu_ps(out + offset, values) } else { _mm256_maskstore_ps(out + offset, mask, values) }
  }
}

/// Calls `body` for each eight elements, the last time with fewer.
@inline(__always)
func forEachSlice(_ count: Int, _ body: (Slice) -> Void) {
  let whole = count & ~7
  var i = 0
  while i < whole {
    body(Slice(offset: i, isWhole: true, mask: _mm256_set1_epi32(-1)))
    i &+= 8
  }
  if i < count { body(Slice(offset: i, isWhole: false, mask: firstLanes(count &- i))) }
}

/// All bits set in the first `count` lanes.
@inline(__always)
func firstLanes(_ count: Int) -> Integers {
  _mm256_cmpgt_epi32(_mm256_set1_epi32(Int32(truncatingIfNeeded: count)), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0))
}

/// e^x to within 2 units in the last place: x = n ln 2 + r, e^r by its series, 2^n from exponent bits.
///
/// Below -110 the result is exactly 0, also for -infinity: attention relies on it for what is masked. Above 110 it is
/// infinite. e^0 is exactly 1. 2^n comes as two factors, for n reaches beyond the exponents of normal numbers; only the
/// second product rounds.
@inline(__always)
func exponential(_ x: Floats) -> Floats {
  // As second operand, NaN stays.
  let bounded = _mm256_min_ps(_mm256_set1_ps(110), _mm256_max_ps(_mm256_set1_ps(-110), x))
  let n = kinglet256_round(_mm256_mul_ps(bounded, _mm256_set1_ps(1.442_695_04)))
  // ln 2 in two parts, the first with trailing zeros, so that n times it is exact (Cody and Waite 1980).
  var r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693_359_375), bounded)
  r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.121_944_4e-4), r)
  var p = _mm256_set1_ps(1 / 5040)
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1 / 720))
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1 / 120))
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1 / 24))
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1 / 6))
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5))
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1))
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1))
  let exponent = _mm256_cvtps_epi32(n)
  let half = _mm256_srai_epi32(exponent, 1)
  return _mm256_mul_ps(_mm256_mul_ps(p, powerOfTwo(half)), powerOfTwo(_mm256_sub_epi32(exponent, half)))
}

/// 2^n for n in -126 ... 127.
@inline(__always)
private func powerOfTwo(_ n: Integers) -> Floats {
  _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23))
}

@inline(never)
func addScaled256(_ x: UnsafeMutablePointer<Float>, _ y: UnsafePointer<Float>, _ scale: Float, _ count: Int) {
  let factor = _mm256_set1_ps(scale)
  forEachSlice(count) { slice in slice.store(x, _mm256_fmadd_ps(slice.load(y), factor, slice.load(x))) }
}

/// The largest value first, eight at a time; then the first place that holds it.
@inline(never)
func indexOfMaximum256(_ x: UnsafePointer<Float>, _ count: Int) -> Int {
  let lowest = _mm256_set1_ps(-.infinity)
  var best = lowest
  forEachSlice(count) { slice in
    // vmaxps returns its second operand when one is NaN: what was best so far stays.
    let values = slice.isWhole ? slice.load(x) : kinglet256_select(slice.mask, slice.load(x), lowest)
    best = _mm256_max_ps(values, best)
  }
  let largest = maximumOfLanes(best)
  let everywhere = _mm256_set1_ps(largest)
  let whole = count & ~7
  var i = 0
  while i < whole {
    let equal = _mm256_movemask_ps(kinglet256_equal(_mm256_loadu_ps(x + i), everywhere))
    if equal != 0 { return i &+ equal.trailingZeroBitCount }
    i &+= 8
  }
  while i < count {
    if x[i] == largest { return i }
    i &+= 1
  }
  return 0
}
