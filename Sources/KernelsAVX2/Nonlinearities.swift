import CIntrinsics
import KingletKernels

// What follows products: non-linearities, gates, biases and residuals.

@inline(never)
func gate256(
  _ activation: Activation, _ gate: UnsafePointer<Float>, _ up: UnsafePointer<Float>, _ count: Int,
  _ out: UnsafeMutablePointer<Float>
) {
  forEachSlice(count) { slice in
    slice.store(out, _mm256_mul_ps(activated(activation, slice.load(gate)), slice.load(up)))
  }
}

@inline(never)
func endProducts256(_ e: ProductEnding) {
  var token = 0
  while token < e.tokenCount {
    let (out, products) = (e.out + token &* e.outStride, e.products + token &* e.productStride)
    forEachSlice(e.count) { slice in
      var y = slice.load(products)
      if let bias = e.bias { y = _mm256_add_ps(y, slice.load(bias)) }
      switch e.use {
      case .replace: break
      case .activate(let activation): y = activated(activation, y)
      case .add: y = _mm256_add_ps(slice.load(out), y)
      }
      slice.store(out, y)
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
      _mm256_mul_ps(
        _mm256_set1_ps(2 * 0.797_884_56),
        _mm256_fmadd_ps(_mm256_mul_ps(_mm256_mul_ps(x, x), x), _mm256_set1_ps(0.044715), x)))
  case .gelu: gelu(x)
  // 2 sigmoid(2 x) - 1.
  case .tanh:
    _mm256_sub_ps(timesSigmoid(_mm256_set1_ps(2), _mm256_add_ps(x, x)), _mm256_set1_ps(1))
  }
}

@inline(__always)
private func timesSigmoid(_ x: Floats, _ inner: Floats) -> Floats {
  _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1), exponential(negated(inner))))
}

/// x Phi(x) = max(x, 0) - |x| Q(|x|), where the tail Q(a) = 1 - Phi(a) = t p(t) e^(-a^2 / 2) with t = 1 / (1 + a / sqrt(8)):
/// the form of Hastings (1955), with a polynomial of degree 7 fitted to it in double precision, so that |x| Q(|x|) is right
/// to 8e-8 everywhere. NaN stays.
@inline(__always)
private func gelu(_ x: Floats) -> Floats {
  // Where the tail is nothing any more, so is its product with infinity.
  let a = _mm256_min_ps(_mm256_set1_ps(20), _mm256_andnot_ps(_mm256_set1_ps(-0.0), x))
  let t = _mm256_div_ps(
    _mm256_set1_ps(1), _mm256_fmadd_ps(a, _mm256_set1_ps(0.353_553_39), _mm256_set1_ps(1)))
  var q = _mm256_set1_ps(-0.023_879_355)
  q = _mm256_fmadd_ps(q, t, _mm256_set1_ps(0.161_453_6))
  q = _mm256_fmadd_ps(q, t, _mm256_set1_ps(-0.419_813_93))
  q = _mm256_fmadd_ps(q, t, _mm256_set1_ps(0.464_137_32))
  q = _mm256_fmadd_ps(q, t, _mm256_set1_ps(-0.157_407_84))
  q = _mm256_fmadd_ps(q, t, _mm256_set1_ps(0.208_458_96))
  q = _mm256_fmadd_ps(q, t, _mm256_set1_ps(0.124_639_81))
  q = _mm256_fmadd_ps(q, t, _mm256_set1_ps(0.142_411_46))
  let square = _mm256_mul_ps(_mm256_mul_ps(a, a), _mm256_set1_ps(-0.5))
  let tail = _mm256_mul_ps(_mm256_mul_ps(q, t), exponential(square))
  return _mm256_fnmadd_ps(a, tail, _mm256_max_ps(_mm256_setzero_ps(), x))
}
