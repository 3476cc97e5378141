import CIntrinsics
import KingletKernels

// Normalisation of single vectors. Sums run in 8 lanes, added up at the end.

@inline(never)
func rmsNorm256(
  _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ epsilon: Float, _ count: Int,
  _ out: UnsafeMutablePointer<Float>
) {
  var squares = _mm256_setzero_ps()
  forEachSlice(count) { slice in
    let v = slice.load(x)
    squares = _mm256_fmadd_ps(v, v, squares)
  }
  let mean = sumOfLanes(squares) / Float(count)
  let scale = _mm256_set1_ps(1 / (mean + epsilon).squareRoot())
  forEachSlice(count) { slice in
    slice.store(out, _mm256_mul_ps(_mm256_mul_ps(slice.load(x), scale), slice.load(weight)))
  }
}

/// In two passes, the second over deviations: a difference of large sums would lose the digits of a small variance.
@inline(never)
func layerNorm256(
  _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?, _ epsilon: Float,
  _ count: Int, _ out: UnsafeMutablePointer<Float>
) {
  var sum = _mm256_setzero_ps()
  forEachSlice(count) { slice in sum = _mm256_add_ps(sum, slice.load(x)) }
  let center = _mm256_set1_ps(sumOfLanes(sum) / Float(count))
  var squares = _mm256_setzero_ps()
  forEachSlice(count) { slice in
    let deviation = kinglet256_select(slice.mask, _mm256_sub_ps(slice.load(x), center), _mm256_setzero_ps())
    squares = _mm256_fmadd_ps(deviation, deviation, squares)
  }
  let scale = _mm256_set1_ps(1 / (sumOfLanes(squares) / Float(count) + epsilon).squareRoot())
  forEachSlice(count) { slice in
    let deviation = _mm256_mul_ps(_mm256_sub_ps(slice.load(x), center), scale)
    var shift = _mm256_setzero_ps()
    if let bias { shift = slice.load(bias) }
    slice.store(out, _mm256_fmadd_ps(deviation, slice.load(weight), shift))
  }
}
