import CIntrinsics
import KingletKernels

// What happens after attention over pages: merging their results, dividing by the sum.

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
