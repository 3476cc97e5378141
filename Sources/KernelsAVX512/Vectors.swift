import CIntrinsics
import KingletKernels

// Kernels on single vectors of floats. The last, incomplete sixteen elements go through a masked load and store.

/// Calls `body(offset, mask)` for each sixteen elements.
@inline(__always)
func forEachVector(_ count: Int, _ body: (Int, UInt16) -> Void) {
  var i = 0
  while i &+ 16 <= count {
    body(i, 0xFFFF)
    i &+= 16
  }
  if i < count { body(i, tailMask(count &- i)) }
}

@inline(__always)
func tailMask(_ count: Int) -> UInt16 { UInt16(truncatingIfNeeded: (1 &<< count) &- 1) }

/// e^x to within 2 units in the last place: x = n ln 2 + r, e^r by its series, 2^n by `vscalefps`.
///
/// Below -200 the result is exactly 0, also for -infinity: attention relies on it for what is masked. e^0 is exactly 1.
/// NaN, as a second operand of the bounds, stays.
@inline(__always)
func exponential(_ x: Floats) -> Floats {
  let bounded = _mm512_min_ps(_mm512_set1_ps(200), _mm512_max_ps(_mm512_set1_ps(-200), x))
  let n = kinglet512_round(_mm512_mul_ps(bounded, _mm512_set1_ps(1.442_695_04)))
  // ln 2 in two parts, the first with trailing zeros, so that n times it is exact (Cody and Waite 1980).
  var r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693_359_375), bounded)
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.121_944_4e-4), r)
  var p = _mm512_set1_ps(1 / 5040)
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1 / 720))
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1 / 120))
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1 / 24))
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1 / 6))
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5))
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1))
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1))
  return _mm512_scalef_ps(p, n)
}

@inline(never)
func rotate512(
  _ x: UnsafeMutablePointer<Float>, _ headCount: Int, _ headSize: Int, _ rotated: Int,
  _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>, _ pairing: RotaryPairing
) {
  var head = 0
  while head < headCount {
    let values = x + head &* headSize
    if pairing == .halves {
      rotateHalves(values, rotated / 2, cosines, sines)
    } else {
      rotateAdjacent(values, rotated / 2, cosines, sines)
    }
    head &+= 1
  }
}

@inline(__always)
private func rotateHalves(
  _ values: UnsafeMutablePointer<Float>, _ half: Int, _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>
) {
  forEachVector(half) { i, mask in
    let (c, s) = (_mm512_maskz_loadu_ps(mask, cosines + i), _mm512_maskz_loadu_ps(mask, sines + i))
    let (a, b) = (_mm512_maskz_loadu_ps(mask, values + i), _mm512_maskz_loadu_ps(mask, values + half + i))
    _mm512_mask_storeu_ps(values + i, mask, _mm512_fmsub_ps(a, c, _mm512_mul_ps(b, s)))
    _mm512_mask_storeu_ps(values + half + i, mask, _mm512_fmadd_ps(a, s, _mm512_mul_ps(b, c)))
  }
}

/// Sixteen values are eight pairs: cosines and sines are doubled, and the pair's other value comes from a swap.
@inline(__always)
private func rotateAdjacent(
  _ values: UnsafeMutablePointer<Float>, _ half: Int, _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>
) {
  let doubled = _mm512_set_epi32(7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0)
  let swapped = _mm512_set_epi32(14, 15, 12, 13, 10, 11, 8, 9, 6, 7, 4, 5, 2, 3, 0, 1)
  forEachVector(half &* 2) { i, mask in
    let pairs = UInt16(truncatingIfNeeded: (1 &<< min(8, half &- i / 2)) &- 1)
    let c = _mm512_permutexvar_ps(doubled, _mm512_maskz_loadu_ps(pairs, cosines + i / 2))
    let s = _mm512_permutexvar_ps(doubled, _mm512_maskz_loadu_ps(pairs, sines + i / 2))
    let v = _mm512_maskz_loadu_ps(mask, values + i)
    let other = _mm512_permutexvar_ps(swapped, v)
    // Even lanes a c - b s, odd lanes b c + a s.
    _mm512_mask_storeu_ps(values + i, mask, _mm512_fmaddsub_ps(v, c, _mm512_mul_ps(other, s)))
  }
}

@inline(never)
func addScaled512(_ x: UnsafeMutablePointer<Float>, _ y: UnsafePointer<Float>, _ scale: Float, _ count: Int) {
  let factor = _mm512_set1_ps(scale)
  forEachVector(count) { i, mask in
    let sum = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, y + i), factor, _mm512_maskz_loadu_ps(mask, x + i))
    _mm512_mask_storeu_ps(x + i, mask, sum)
  }
}

/// The largest value first, sixteen at a time; then the first place that holds it.
@inline(never)
func indexOfMaximum512(_ x: UnsafePointer<Float>, _ count: Int) -> Int {
  let lowest = _mm512_set1_ps(-.infinity)
  var best = lowest
  forEachVector(count) { i, mask in
    // vmaxps returns its second operand when one is NaN: what was best so far stays.
    best = _mm512_max_ps(_mm512_mask_loadu_ps(lowest, mask, x + i), best)
  }
  let largest = _mm512_set1_ps(_mm512_reduce_max_ps(best))
  var i = 0
  while i < count {
    let mask = count &- i >= 16 ? 0xFFFF : tailMask(count &- i)
    let equal = kinglet512_equal(_mm512_maskz_loadu_ps(mask, x + i), largest) & mask
    if equal != 0 { return i &+ equal.trailingZeroBitCount }
    i &+= 16
  }
  return 0
}
