import CIntrinsics
import KingletKernels

// The register tile of the quantised matrix product: 16 rows (the lanes) by 1, 2, 4 or 8 tokens.
//
// A group of tokens is built by nesting pairs, so that every accumulator is a named stored property, which the compiler
// keeps in a register; arrays and loops over them would be spilled. The arithmetic of a token is the same whatever the
// group: it is written once, in `OneToken`, which is what makes results independent of how tokens were grouped.
//
// A record is 32 columns of a tile of T tokens, as `ActivationLayout` in Kernels draws it:
//
//      0        32T         40T                48T         52T         56T
//      | int8 q | scale x 2 | pair sums x 2    | S (float) | C (float) | shift x 2 |
//      | T x 32 | T x 2 x 4 | T x 2 x (2 x 16b)| T x 4     | T x 4     | T x 2 x 4 |
//
// Integer sums begin at the bits of 1.5 * 2^23 and are read as floats as they are: one FMA with a shift does what a
// conversion and a multiplication would, and C is the shift of both halves at once.

/// 32 columns of 16 rows as unsigned bytes: lane r of `wN` holds columns 4N ..< 4N + 4 of row r.
struct Weights32 {
  var w0: Integers
  var w1: Integers
  var w2: Integers
  var w3: Integers
  var w4: Integers
  var w5: Integers
  var w6: Integers
  var w7: Integers
}

/// 16 columns of 16 rows, half of a record.
struct HalfWeights {
  var w0: Integers
  var w1: Integers
  var w2: Integers
  var w3: Integers
}

protocol TokenGroup {
  static var width: Int { get }
  /// w = scale * q + offset: adds scale * (q . x) + offset * S.
  mutating func addAffine(_ w: Weights32, scale: Floats, offset: Floats, _ record: Record)
  /// The same for 16 columns: the half of the record that it names, the first one first.
  mutating func addAffine(_ w: HalfWeights, scale: Floats, offset: Floats, _ record: Record)
  /// w = scale * (q - zero), for 16 columns.
  mutating func addCentred(_ w: HalfWeights, scale: Floats, minusZero: Int16, _ record: Record)
}

extension TokenGroup {
  /// w = scale * (q - zero), one scale for all 32 columns: the zero point is an offset like any other.
  @inline(__always)
  mutating func addCentred(_ w: Weights32, scale: Floats, zero: Float, _ record: Record) {
    addAffine(w, scale: scale, offset: _mm512_mul_ps(scale, _mm512_set1_ps(0 - zero)), record)
  }
}

/// Tokens with their sums.
protocol TokenSums: TokenGroup {
  init()
  /// Writes lane r of token t to `out[t * stride + r]`.
  func store(_ out: UnsafeMutablePointer<Float>, stride: Int)
}

/// A token's place in a record of a tile of `width` tokens: where its first 16 columns (`half` 0) or its last (1) are. All
/// but `base` are constants after inlining.
struct Record {
  let base: UnsafeRawPointer
  let width: Int
  let token: Int
  let half: Int

  @inline(__always) init(_ base: UnsafeRawPointer, width: Int, token: Int = 0, half: Int = 0) {
    self.base = base
    self.width = width
    self.token = token
    self.half = half
  }
  @inline(__always) func advanced(by tokens: Int) -> Record {
    Record(base, width: width, token: token &+ tokens, half: half)
  }
  @inline(__always) var q: Int { token &* 32 &+ half &* 16 }
  @inline(__always) var scales: Int { width &* 32 &+ token &* 8 &+ half &* 4 }
  @inline(__always) var pairSums: Int { width &* 40 &+ token &* 8 &+ half &* 4 }
  @inline(__always) var sum: Int { width &* 48 &+ token &* 4 }
  @inline(__always) var bothShifts: Int { width &* 52 &+ token &* 4 }
  @inline(__always) var shift: Int { width &* 56 &+ token &* 8 &+ half &* 4 }

  /// `factor` times the sum of q over the sixteen columns, on top of `integerBase`: exact, from the two 16-bit sums of
  /// eight columns each.
  @inline(__always) func sumOfQuants(times factor: Int16) -> Integers {
    _mm512_dpwssd_epi32(integerBase, _mm512_set1_epi16(factor), broadcastInt32(base, pairSums))
  }

  /// An integer sum of the sixteen columns, on top of `integerBase`, times their scale.
  @inline(__always) func scaled(_ products: Integers) -> Floats {
    _mm512_fmadd_ps(_mm512_castsi512_ps(products), broadcastFloat(base, scales), broadcastFloat(base, shift))
  }
}

/// What integer sums begin at: the bits of a float whose last one is worth 1.
@inline(__always) var integerBase: Integers { _mm512_castps_si512(_mm512_set1_ps(ActivationLayout.integerBase)) }

struct OneToken: TokenSums {
  @inline(__always) static var width: Int { 1 }
  var sum: Floats
  @inline(__always) init() { sum = _mm512_setzero_ps() }

  @inline(__always)
  func dot(
    _ start: Integers, _ a: Integers, _ b: Integers, _ c: Integers, _ d: Integers, _ x: UnsafeRawPointer, _ offset: Int
  ) -> Integers {
    var dot = _mm512_dpbusd_epi32(start, a, broadcastInt32(x, offset))
    dot = _mm512_dpbusd_epi32(dot, b, broadcastInt32(x, offset &+ 4))
    dot = _mm512_dpbusd_epi32(dot, c, broadcastInt32(x, offset &+ 8))
    return _mm512_dpbusd_epi32(dot, d, broadcastInt32(x, offset &+ 12))
  }

  @inline(__always)
  mutating func addAffine(_ w: Weights32, scale: Floats, offset: Floats, _ r: Record) {
    let low = dot(integerBase, w.w0, w.w1, w.w2, w.w3, r.base, r.q)
    let high = dot(integerBase, w.w4, w.w5, w.w6, w.w7, r.base, r.q &+ 16)
    var both = _mm512_fmadd_ps(
      _mm512_castsi512_ps(low), broadcastFloat(r.base, r.scales), broadcastFloat(r.base, r.bothShifts))
    both = _mm512_fmadd_ps(_mm512_castsi512_ps(high), broadcastFloat(r.base, r.scales &+ 4), both)
    sum = _mm512_fmadd_ps(both, scale, sum)
    sum = _mm512_fmadd_ps(offset, broadcastFloat(r.base, r.sum), sum)
  }

  @inline(__always)
  mutating func addAffine(_ w: HalfWeights, scale: Floats, offset: Floats, _ r: Record) {
    let products = dot(integerBase, w.w0, w.w1, w.w2, w.w3, r.base, r.q)
    sum = _mm512_fmadd_ps(r.scaled(products), scale, sum)
    // S is of 32 columns: the sum of these 16 has to be made.
    sum = _mm512_fmadd_ps(offset, r.scaled(r.sumOfQuants(times: 1)), sum)
  }

  /// The zero point starts the accumulator: -zero * (sum of q), exactly.
  @inline(__always)
  mutating func addCentred(_ w: HalfWeights, scale: Floats, minusZero: Int16, _ r: Record) {
    let products = dot(r.sumOfQuants(times: minusZero), w.w0, w.w1, w.w2, w.w3, r.base, r.q)
    sum = _mm512_fmadd_ps(r.scaled(products), scale, sum)
  }

  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, stride: Int) { _mm512_storeu_ps(out, sum) }
}

struct Pair<Half: TokenSums>: TokenSums {
  @inline(__always) static var width: Int { Half.width &* 2 }
  var first: Half
  var second: Half
  @inline(__always) init() {
    first = Half()
    second = Half()
  }

  @inline(__always)
  mutating func addAffine(_ w: Weights32, scale: Floats, offset: Floats, _ r: Record) {
    first.addAffine(w, scale: scale, offset: offset, r)
    second.addAffine(w, scale: scale, offset: offset, r.advanced(by: Half.width))
  }

  @inline(__always)
  mutating func addAffine(_ w: HalfWeights, scale: Floats, offset: Floats, _ r: Record) {
    first.addAffine(w, scale: scale, offset: offset, r)
    second.addAffine(w, scale: scale, offset: offset, r.advanced(by: Half.width))
  }

  @inline(__always)
  mutating func addCentred(_ w: HalfWeights, scale: Floats, minusZero: Int16, _ r: Record) {
    first.addCentred(w, scale: scale, minusZero: minusZero, r)
    second.addCentred(w, scale: scale, minusZero: minusZero, r.advanced(by: Half.width))
  }

  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, stride: Int) {
    first.store(out, stride: stride)
    second.store(out + Half.width &* stride, stride: stride)
  }
}

typealias TwoTokens = Pair<OneToken>
typealias FourTokens = Pair<TwoTokens>
typealias EightTokens = Pair<FourTokens>
