import CIntrinsics
import KingletKernels

// Normalisation of single vectors. Sums run in 16 lanes, added up at the end.

@inline(never)
func rmsNorm512(
  _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ epsilon: Float, _ count: Int,
  _ out: UnsafeMutablePointer<Float>
) {
  var squares = _mm512_setzero_ps()
  forEachVector(count) { i, mask in
    let v = _mm512_maskz_loadu_ps(mask, x + i)
    squares = _mm512_fmadd_ps(v, v, squares)
  }
  let mean = _mm512_reduce_add_ps(squares) / Float(count)
  let scale = _mm512_set1_ps(1 / (mean + epsilon).squareRoot())
  forEachVector(count) { i, mask in
    let v = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + i), scale)
    _mm512_mask_storeu_ps(out + i, mask, _mm512_mul_ps(v, _mm512_maskz_loadu_ps(mask, weight + i)))
  }
}

/// In two passes, the second over deviations: a difference of large sums would lose the digits of a small variance.
@inline(never)
func layerNorm512(
  _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?, _ epsilon: Float,
  _ count: Int, _ out: UnsafeMutablePointer<Float>
) {
  var sum = _mm512_setzero_ps()
  forEachVector(count) { i, mask in sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, x + i)) }
  let center = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / Float(count))
  var squares = _mm512_setzero_ps()
  forEachVector(count) { i, mask in
    let deviation = _mm512_maskz_sub_ps(mask, _mm512_maskz_loadu_ps(mask, x + i), center)
    squares = _mm512_fmadd_ps(deviation, deviation, squares)
  }
  let scale = _mm512_set1_ps(1 / (_mm512_reduce_add_ps(squares) / Float(count) + epsilon).squareRoot())
  forEachVector(count) { i, mask in
    let deviation = _mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + i), center), scale)
    var shift = _mm512_setzero_ps()
    if let bias { shift = _mm512_maskz_loadu_ps(mask, bias + i) }
    _mm512_mask_storeu_ps(out + i, mask, _mm512_fmadd_ps(deviation, _mm512_maskz_loadu_ps(mask, weight + i), shift))
  }
}
