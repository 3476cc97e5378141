import CIntrinsics

// The register tile of the quantised matrix product: 8 rows (the lanes) by 1, 2, 4 or 8 tokens.
//
// A group of tokens is built by nesting pairs, so that every accumulator is a named stored property, which the compiler
// keeps in a register; arrays and loops over them would be spilled. The arithmetic of a token is the same whatever the
// group: it is written once, in `OneToken`, which is what makes results independent of how tokens were grouped.
//
// Sixteen columns at a time: eight accumulators and four vectors of weights leave four of the sixteen registers to work
// with.
//
// A record is 32 columns of a tile of T tokens, as `ActivationLayout` in Kernels draws it:
//
//      0        32T         40T                48T
//      | int8 q | scale x 2 | pair sums x 2    | S (float)
//      | T x 32 | T x 2 x 4 | T x 2 x (2 x 16b)| T x 4

protocol TokenGroup {
  static var width: Int { get }
  init()
  /// Adds offset * S: the constant term of 32 columns.
  mutating func addOffset(_ offset: Floats, _ record: Record)
  /// Adds scale * (q . x) over the sixteen columns of a half record.
  mutating func add<R: WeightRange>(_ range: R.Type, _ w: Weights16, scale: Floats, _ half: HalfRecord)
  /// Adds scale * ((q - zero) . x) over the sixteen columns of a half record.
  mutating func addCentred<R: WeightRange>(
    _ range: R.Type, _ w: Weights16, scale: Floats, minusZero: Integers, _ half: HalfRecord)
  /// Adds (scale * q + minimumScale * m) . x over the sixteen columns of a half record; m stands in both 16-bit halves
  /// of a lane.
  mutating func addAffine<R: WeightRange>(
    _ range: R.Type, _ w: Weights16, scale: Floats, minima: Integers, minimumScale: Floats, _ half: HalfRecord)
  /// Writes lane r of token t to `out[t * stride + r]`.
  func store(_ out: UnsafeMutablePointer<Float>, stride: Int)
}

/// A token's place in a record of a tile of `width` tokens. `width` and `token` are constants after inlining.
struct Record {
  let base: UnsafeRawPointer
  let width: Int
  let token: Int

  @inline(__always) init(_ base: UnsafeRawPointer, width: Int, token: Int = 0) {
    self.base = base
    self.width = width
    self.token = token
  }
  @inline(__always) func advanced(by tokens: Int) -> Record { Record(base, width: width, token: token &+ tokens) }
  @inline(__always) var sum: Int { width &* 48 &+ token &* 4 }
  @inline(__always) var first: HalfRecord { HalfRecord(record: self, half: 0) }
  @inline(__always) var second: HalfRecord { HalfRecord(record: self, half: 1) }
}

/// Sixteen columns of a record, which share a scale.
struct HalfRecord {
  let record: Record
  let half: Int

  @inline(__always) var base: UnsafeRawPointer { record.base }
  @inline(__always) func advanced(by tokens: Int) -> HalfRecord {
    HalfRecord(record: record.advanced(by: tokens), half: half)
  }
  @inline(__always) var q: Int { record.token &* 32 &+ half &* 16 }
  @inline(__always) var scale: Int { record.width &* 32 &+ record.token &* 8 &+ half &* 4 }
  @inline(__always) var pairSums: Int { record.width &* 40 &+ record.token &* 8 &+ half &* 4 }
}

struct OneToken: TokenGroup {
  @inline(__always) static var width: Int { 1 }
  var sum: Floats
  @inline(__always) init() { sum = _mm256_setzero_ps() }

  @inline(__always)
  mutating func addOffset(_ offset: Floats, _ r: Record) {
    sum = _mm256_fmadd_ps(offset, broadcastFloat(r.base, r.sum), sum)
  }

  @inline(__always)
  mutating func add<R: WeightRange>(_ range: R.Type, _ w: Weights16, scale: Floats, _ half: HalfRecord) {
    addScaled(R.dot(w, half.base, half.q), scale, half)
  }

  /// -zero * (sum of q), exact, from the two 16-bit sums of eight columns each.
  @inline(__always)
  mutating func addCentred<R: WeightRange>(
    _ range: R.Type, _ w: Weights16, scale: Floats, minusZero: Integers, _ half: HalfRecord
  ) {
    let zero = _mm256_madd_epi16(broadcastInt32(half.base, half.pairSums), minusZero)
    addScaled(_mm256_add_epi32(R.dot(w, half.base, half.q), zero), scale, half)
  }

  /// m times the sum of q is exact, like q times q; only then come scales.
  @inline(__always)
  mutating func addAffine<R: WeightRange>(
    _ range: R.Type, _ w: Weights16, scale: Floats, minima: Integers, minimumScale: Floats, _ half: HalfRecord
  ) {
    let minimum = _mm256_madd_epi16(broadcastInt32(half.base, half.pairSums), minima)
    let scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(R.dot(w, half.base, half.q)), scale)
    let both = _mm256_fmadd_ps(_mm256_cvtepi32_ps(minimum), minimumScale, scaled)
    sum = _mm256_fmadd_ps(both, broadcastFloat(half.base, half.scale), sum)
  }

  @inline(__always)
  private mutating func addScaled(_ dot: Integers, _ scale: Floats, _ half: HalfRecord) {
    let scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(dot), broadcastFloat(half.base, half.scale))
    sum = _mm256_fmadd_ps(scaled, scale, sum)
  }

  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, stride: Int) { _mm256_storeu_ps(out, sum) }
}

struct Pair<Half: TokenGroup>: TokenGroup {
  @inline(__always) static var width: Int { Half.width &* 2 }
  var first: Half
  var second: Half
  @inline(__always) init() {
    first = Half()
    second = Half()
  }

  @inline(__always)
  mutating func addOffset(_ offset: Floats, _ r: Record) {
    first.addOffset(offset, r)
    second.addOffset(offset, r.advanced(by: Half.width))
  }

  @inline(__always)
  mutating func add<R: WeightRange>(_ range: R.Type, _ w: Weights16, scale: Floats, _ half: HalfRecord) {
    first.add(range, w, scale: scale, half)
    second.add(range, w, scale: scale, half.advanced(by: Half.width))
  }

  @inline(__always)
  mutating func addCentred<R: WeightRange>(
    _ range: R.Type, _ w: Weights16, scale: Floats, minusZero: Integers, _ half: HalfRecord
  ) {
    first.addCentred(range, w, scale: scale, minusZero: minusZero, half)
    second.addCentred(range, w, scale: scale, minusZero: minusZero, half.advanced(by: Half.width))
  }

  @inline(__always)
  mutating func addAffine<R: WeightRange>(
    _ range: R.Type, _ w: Weights16, scale: Floats, minima: Integers, minimumScale: Floats, _ half: HalfRecord
  ) {
    first.addAffine(range, w, scale: scale, minima: minima, minimumScale: minimumScale, half)
    second.addAffine(
      range, w, scale: scale, minima: minima, minimumScale: minimumScale, half.advanced(by: Half.width))
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
