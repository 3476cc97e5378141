import CIntrinsics
import KingletKernels

@inline(never)
func rotate256(
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
  forEachSlice(half) { slice in
    let (c, s, a, b) = (slice.load(cosines), slice.load(sines), slice.load(values), slice.load(values + half))
    slice.store(values, _mm256_fmsub_ps(a, c, _mm256_mul_ps(b, s)))
    slice.store(values + half, _mm256_fmadd_ps(a, s, _mm256_mul_ps(b, c)))
  }
}

/// Eight values are four pairs: cosines and sines are doubled, and the pair's other value comes from a swap.
@inline(__always)
private func rotateAdjacent(
  _ values: UnsafeMutablePointer<Float>, _ half: Int, _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>
) {
  let doubled = _mm256_set_epi32(3, 3, 2, 2, 1, 1, 0, 0)
  forEachSlice(half &* 2) { slice in
    let pairs = slice.offset / 2
    let present = _mm256_castsi256_si128(firstLanes(half &- pairs))
    let c = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_maskload_ps(cosines + pairs, present)), doubled)
    let s = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_maskload_ps(sines + pairs, present)), doubled)
    let v = slice.load(values)
    // Even lanes a c - b s, odd lanes b c + a s.
    slice.store(values, _mm256_fmaddsub_ps(v, c, _mm256_mul_ps(kinglet256_swap_pairs(v), s)))
  }
}
