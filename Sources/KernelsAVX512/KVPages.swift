import CIntrinsics
import KingletKernels

// What happens around attention: appending to a page, merging the results of pages, dividing by the sum.

@inline(never)
func appendKeyValue512(_ p: KVAppend) {
  let headSize = p.layout.headSize
  let keys = p.page + (p.slot & ~15) &* headSize &* p.layout.elementByteCount
  let lane = p.slot & 15
  let values = p.page + p.layout.valueOffset + p.slot &* p.layout.valueStride &* p.layout.elementByteCount
  var d = 0
  while d < headSize {
    let mask = headSize &- d >= 16 ? 0xFFFF : tailMask(headSize &- d)
    let value = _mm512_maskz_loadu_ps(mask, p.value + d)
    if p.layout.isHalf {
      _mm256_mask_storeu_epi16(values + d &* 2, mask, kinglet512_half(bounded(value)))
    } else {
      _mm512_mask_storeu_ps(values + d &* 4, mask, value)
    }
    d &+= 16
  }
  d = 0
  while d < headSize {
    let index = d &* 16 &+ lane
    if p.layout.isHalf {
      let half = kinglet512_half(bounded(_mm512_set1_ps(p.key[d])))
      keys.storeBytes(of: UInt16(truncatingIfNeeded: kinglet512_low32(half)), toByteOffset: index &* 2, as: UInt16.self)
    } else {
      keys.storeBytes(of: p.key[d], toByteOffset: index &* 4, as: Float.self)
    }
    d &+= 1
  }
}

/// Into the range of halves; NaN, as a second operand, stays.
@inline(__always)
func bounded(_ x: Floats) -> Floats {
  _mm512_min_ps(_mm512_set1_ps(65_504), _mm512_max_ps(_mm512_set1_ps(-65_504), x))
}

@inline(never)
func mergePages512(_ running: UnsafeMutablePointer<Float>, _ page: UnsafePointer<Float>, _ valueStride: Int) {
  let (old, new) = (running[valueStride], page[valueStride])
  guard new > -.infinity else { return }
  let maximum = old > new ? old : new
  let keep = exponential(_mm512_set1_ps(old - maximum))
  let add = exponential(_mm512_set1_ps(new - maximum))
  var i = 0
  while i < valueStride {
    let sum = _mm512_fmadd_ps(_mm512_loadu_ps(page + i), add, _mm512_mul_ps(_mm512_loadu_ps(running + i), keep))
    _mm512_storeu_ps(running + i, sum)
    i &+= 16
  }
  running[valueStride] = maximum
  let total = _mm512_fmadd_ps(
    _mm512_set1_ps(page[valueStride &+ 1]), add, _mm512_mul_ps(_mm512_set1_ps(running[valueStride &+ 1]), keep))
  running[valueStride &+ 1] = _mm512_cvtss_f32(total)
}

@inline(never)
func finishAttention512(
  _ running: UnsafePointer<Float>, _ valueStride: Int, _ headSize: Int, _ out: UnsafeMutablePointer<Float>
) {
  let sum = _mm512_set1_ps(running[valueStride &+ 1])
  var d = 0
  while d < headSize {
    let mask = headSize &- d >= 16 ? 0xFFFF : tailMask(headSize &- d)
    _mm512_mask_storeu_ps(out + d, mask, _mm512_div_ps(_mm512_maskz_loadu_ps(mask, running + d), sum))
    d &+= 16
  }
}
