import CIntrinsics
import KingletKernels

// What happens around attention: appending to a page, merging the results of pages, dividing by the sum.

/// A position of F16 or F32.
@inline(never)
func appendKeyValue256(_ p: KVAppend) {
  var isHalf = false
  if case .f16 = p.layout.type { isHalf = true }
  let headSize = p.layout.headSize
  let keys = p.page + (p.slot & ~15) &* headSize &* p.layout.elementByteCount
  let lane = p.slot & 15
  let values = p.page + p.layout.valueOffset + p.slot &* p.layout.valueStride &* p.layout.elementByteCount
  // A row of values is padded to whole vectors with zeros, which is what a masked load puts there.
  forEachSlice(headSize) { slice in
    let value = slice.load(p.value)
    if isHalf {
      _mm_storeu_si128(
        (values + slice.offset &* 2).assumingMemoryBound(to: __m128i_u.self), kinglet256_half(bounded(value)))
    } else {
      _mm256_storeu_ps((values + slice.offset &* 4).assumingMemoryBound(to: Float.self), value)
    }
  }
  var d = 0
  while d < headSize {
    let index = d &* 16 &+ lane
    if isHalf {
      let half = _mm_cvtsi128_si32(kinglet256_half(bounded(_mm256_set1_ps(p.key[d]))))
      keys.storeBytes(of: UInt16(truncatingIfNeeded: half), toByteOffset: index &* 2, as: UInt16.self)
    } else {
      keys.storeBytes(of: p.key[d], toByteOffset: index &* 4, as: Float.self)
    }
    d &+= 1
  }
}

/// Into the range of halves; NaN, as a second operand, stays.
@inline(__always)
private func bounded(_ x: Floats) -> Floats {
  _mm256_min_ps(_mm256_set1_ps(65_504), _mm256_max_ps(_mm256_set1_ps(-65_504), x))
}

@inline(never)
func mergePages256(_ running: UnsafeMutablePointer<Float>, _ page: UnsafePointer<Float>, _ valueStride: Int) {
  let (old, new) = (running[valueStride], page[valueStride])
  guard new > -.infinity else { return }
  let maximum = old > new ? old : new
  let keep = exponential(_mm256_set1_ps(old - maximum))
  let add = exponential(_mm256_set1_ps(new - maximum))
  var i = 0
  while i < valueStride {
    let sum = _mm256_fmadd_ps(_mm256_loadu_ps(page + i), add, _mm256_mul_ps(_mm256_loadu_ps(running + i), keep))
    _mm256_storeu_ps(running + i, sum)
    i &+= 8
  }
  running[valueStride] = maximum
  let total = _mm256_fmadd_ps(
    _mm256_set1_ps(page[valueStride &+ 1]), add, _mm256_mul_ps(_mm256_set1_ps(running[valueStride &+ 1]), keep))
  running[valueStride &+ 1] = _mm256_cvtss_f32(total)
}

@inline(never)
func finishAttention256(
  _ running: UnsafePointer<Float>, _ valueStride: Int, _ headSize: Int, _ out: UnsafeMutablePointer<Float>
) {
  let sum = _mm256_set1_ps(running[valueStride &+ 1])
  forEachSlice(headSize) { slice in slice.store(out, _mm256_div_ps(slice.load(running), sum)) }
}
