import CIntrinsics

// Sixteen columns of weights and their exact dot product with sixteen int8 activations.
//
// `vpmaddubsw` multiplies unsigned weights by signed activations and adds pairs of products, saturating at 16 bits: the
// smaller the weights, the more of its results may be added before `vpmaddwd` widens them to 32 bits. Activations lie
// within -127 ... 127.

/// Sixteen columns of 8 rows as bytes: lane r of `wN` holds columns 4N ..< 4N + 4 of row r.
struct Weights16 {
  var w0: Integers
  var w1: Integers
  var w2: Integers
  var w3: Integers
}

/// How large weights are, and so how their products may be added.
protocol WeightRange {
  /// The dot products of each row with the sixteen activations at `x + offset`.
  static func dot(_ w: Weights16, _ x: UnsafeRawPointer, _ offset: Int) -> Integers
}

/// Unsigned, of at most five bits: 4 x 2 x 31 x 127 = 31,496 fits 16 bits. 8 operations and 4 broadcasts.
enum FiveBits: WeightRange {
  @inline(__always)
  static func dot(_ w: Weights16, _ x: UnsafeRawPointer, _ offset: Int) -> Integers {
    let low = _mm256_add_epi16(pairs(w.w0, x, offset), pairs(w.w1, x, offset &+ 4))
    let high = _mm256_add_epi16(pairs(w.w2, x, offset &+ 8), pairs(w.w3, x, offset &+ 12))
    return widened(_mm256_add_epi16(low, high))
  }
}

/// Unsigned, of at most six bits: 2 x 2 x 63 x 127 = 32,004 fits 16 bits. 9 operations and 4 broadcasts.
enum SixBits: WeightRange {
  @inline(__always)
  static func dot(_ w: Weights16, _ x: UnsafeRawPointer, _ offset: Int) -> Integers {
    let low = _mm256_add_epi16(pairs(w.w0, x, offset), pairs(w.w1, x, offset &+ 4))
    let high = _mm256_add_epi16(pairs(w.w2, x, offset &+ 8), pairs(w.w3, x, offset &+ 12))
    return _mm256_add_epi32(widened(low), widened(high))
  }
}

/// Signed, of eight bits: the sign moves to the activations, and 2 x 128 x 127 = 32,512 fits 16 bits. 15 operations and
/// 4 broadcasts.
enum SignedBytes: WeightRange {
  @inline(__always)
  static func dot(_ w: Weights16, _ x: UnsafeRawPointer, _ offset: Int) -> Integers {
    let low = _mm256_add_epi32(product(w.w0, x, offset), product(w.w1, x, offset &+ 4))
    let high = _mm256_add_epi32(product(w.w2, x, offset &+ 8), product(w.w3, x, offset &+ 12))
    return _mm256_add_epi32(low, high)
  }

  @inline(__always)
  private static func product(_ w: Integers, _ x: UnsafeRawPointer, _ offset: Int) -> Integers {
    widened(_mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(broadcastInt32(x, offset), w)))
  }
}

@inline(__always)
private func pairs(_ w: Integers, _ x: UnsafeRawPointer, _ offset: Int) -> Integers {
  _mm256_maddubs_epi16(w, broadcastInt32(x, offset))
}

@inline(__always)
private func widened(_ pairs: Integers) -> Integers { _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)) }
