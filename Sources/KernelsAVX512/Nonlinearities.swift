import CIntrinsics
import KingletKernels

// What follows products: non-linearities, gates, biases and residuals.

@inline(never)
func gate512(
  _ activation: Activation, _ gate: UnsafePointer<Float>, _ up: UnsafePointer<Float>, _ count: Int,
  _ out: UnsafeMutablePointer<Float>
) {
  forEachVector(count) { i, mask in
    _mm512_mask_storeu_ps(
      out + i, mask,
      _mm512_mul_ps(activated(activation, _mm512_maskz_loadu_ps(mask, gate + i)), _mm512_maskz_loadu_ps(mask, up + i)))
  }
}

@inline(never)
func endProducts512(_ e: ProductEnding) {
  var token = 0
  while token < e.tokenCount {
    let (out, products) = (e.out + token &* e.outStride, e.products + token &* e.productStride)
    forEachVector(e.count) { i, mask in
      var y = _mm512_maskz_loadu_ps(mask, products + i)
      if let bias = e.bias { y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, bias + i)) }
      switch e.use {
      case .replace: break
      case .activate(let activation): y = activated(activation, y)
      case .add: y = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, out + i), y)
      }
      _mm512_mask_storeu_ps(out + i, mask, y)
    }
    token &+= 1
  }
}

@inline(__always)
private func activated(_ activation: Activation, _ x: Floats) -> Floats {
  switch activation {
  case .silu: timesSigmoid(x, x)
  case .geluTanh:
    // The tanh form is a sigmoid: 0.5 (1 + tanh y) = sigmoid(2 y), with no cancellation where tanh is near -1.
    timesSigmoid(
      x,
      _mm512_mul_ps(
        _mm512_set1_ps(2 * 0.797_884_56),
        _mm512_fmadd_ps(_mm512_mul_ps(_mm512_mul_ps(x, x), x), _mm512_set1_ps(0.044715), x)))
  case .gelu: gelu(x)
  // 2 sigmoid(2 x) - 1.
  case .tanh:
    _mm512_sub_ps(timesSigmoid(_mm512_set1_ps(2), _mm512_add_ps(x, x)), _mm512_set1_ps(1))
  }
}

@inline(__always)
private func timesSigmoid(_ x: Floats, _ inner: Floats) -> Floats {
  _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1), exponential(_mm512_sub_ps(_mm512_setzero_ps(), inner))))
}

/// x Phi(x) = max(x, 0) - |x| Q(|x|), where the tail Q(a) = 1 - Phi(a) = t p(t) e^(-a^2 / 2) with t = 1 / (1 + a / sqrt(8)):
/// the form of Hastings (1955), with a polynomial of degree 7 fitted to it in double precision, so that |x| Q(|x|) is right
/// to 8e-8 everywhere. NaN stays.
@inline(__always)
private func gelu(_ x: Floats) -> Floats {
  // Where the tail is nothing any more, so is its product with infinity.
  let a = _mm512_min_ps(_mm512_set1_ps(20), _mm512_abs_ps(x))
  let t = _mm512_div_ps(
    _mm512_set1_ps(1), _mm512_fmadd_ps(a, _mm512_set1_ps(0.353_553_39), _mm512_set1_ps(1)))
  var q = _mm512_set1_ps(-0.023_879_355)
  q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(0.161_453_6))
  q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(-0.419_813_93))
  q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(0.464_137_32))
  q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(-0.157_407_84))
  q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(0.208_458_96))
  q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(0.124_639_81))
  q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(0.142_411_46))
  let square = _mm512_mul_ps(_mm512_mul_ps(a, a), _mm512_set1_ps(-0.5))
  let tail = _mm512_mul_ps(_mm512_mul_ps(q, t), exponential(square))
  return _mm512_fnmadd_ps(a, tail, _mm512_max_ps(_mm512_setzero_ps(), x))
}
