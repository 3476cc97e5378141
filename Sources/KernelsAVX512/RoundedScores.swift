import CIntrinsics
import KingletKernels

// Scores over keys of Q8_0: queries are rounded to 16 bits for each 32 dimensions, keys widened to as many, and
// `vpdpwssd` adds the products of two dimensions of 16 positions: for 32 dimensions 16 loads that widen, 16 products a
// query, and one conversion to float. The sums of a group are exact (32 x 127 x 32767 < 2^31), the rounding of a query is
// a 65,000th of its largest value, far below that of the keys.

/// One query's sums over 16 positions: finished groups as floats, the group under way as integers.
struct RoundedScore: RoundedScoreGroup {
  var score = _mm512_setzero_ps()
  // Two, as one would wait for itself.
  var even = _mm512_setzero_si512()
  var odd = _mm512_setzero_si512()

  @inline(__always) static var width: Int { 1 }
  @inline(__always) init() {}
  @inline(__always)
  mutating func add(_ first: Integers, _ second: Integers, _ queries: RoundedQueries, _ pair: Int) {
    even = _mm512_dpwssd_epi32(even, first, broadcastInt32(queries.values, pair &* 4))
    odd = _mm512_dpwssd_epi32(odd, second, broadcastInt32(queries.values, pair &* 4 &+ 4))
  }
  @inline(__always)
  mutating func finishGroup(_ keyScale: Floats, _ queries: RoundedQueries, _ group: Int) {
    let scale = broadcastFloat(queries.scales, group &* 4)
    let dot = _mm512_cvtepi32_ps(_mm512_add_epi32(even, odd))
    score = _mm512_fmadd_ps(_mm512_mul_ps(dot, keyScale), scale, score)
    even = _mm512_setzero_si512()
    odd = _mm512_setzero_si512()
  }
  @inline(__always)
  func store(_ task: PageAttention, _ first: Int, _ slot: Int) {
    storeScores(score, task, first, slot)
  }
}

/// Several queries over the same keys.
protocol RoundedScoreGroup {
  static var width: Int { get }
  init()
  /// Adds the products of a pair of dimensions and the next one.
  mutating func add(_ first: Integers, _ second: Integers, _ queries: RoundedQueries, _ pair: Int)
  mutating func finishGroup(_ keyScale: Floats, _ queries: RoundedQueries, _ group: Int)
  func store(_ task: PageAttention, _ first: Int, _ slot: Int)
}

struct RoundedScorePair<A: RoundedScoreGroup, B: RoundedScoreGroup>: RoundedScoreGroup {
  var a = A()
  var b = B()

  @inline(__always) static var width: Int { A.width &+ B.width }
  @inline(__always) init() {}
  @inline(__always)
  mutating func add(_ first: Integers, _ second: Integers, _ queries: RoundedQueries, _ pair: Int) {
    a.add(first, second, queries, pair)
    b.add(first, second, queries.advanced(by: A.width), pair)
  }
  @inline(__always)
  mutating func finishGroup(_ keyScale: Floats, _ queries: RoundedQueries, _ group: Int) {
    a.finishGroup(keyScale, queries, group)
    b.finishGroup(keyScale, queries.advanced(by: A.width), group)
  }
  @inline(__always)
  func store(_ task: PageAttention, _ first: Int, _ slot: Int) {
    a.store(task, first, slot)
    b.store(task, first &+ A.width, slot)
  }
}

typealias TwoRoundedScores = RoundedScorePair<RoundedScore, RoundedScore>
typealias ThreeRoundedScores = RoundedScorePair<TwoRoundedScores, RoundedScore>
typealias FourRoundedScores = RoundedScorePair<TwoRoundedScores, TwoRoundedScores>
typealias EightRoundedScores = RoundedScorePair<FourRoundedScores, FourRoundedScores>

/// Up to eight queries in a task's workspace: `[8][groups][32]` Int16 and `[8][groups]` scales.
struct RoundedQueries {
  let values: UnsafeMutableRawPointer
  let scales: UnsafeMutableRawPointer
  let groups: Int

  @inline(__always)
  init(_ workspace: UnsafeMutableRawPointer, groups: Int) {
    values = workspace
    scales = workspace + groups &* 8 &* 64
    self.groups = groups
  }

  @inline(__always)
  private init(_ values: UnsafeMutableRawPointer, _ scales: UnsafeMutableRawPointer, _ groups: Int) {
    self.values = values
    self.scales = scales
    self.groups = groups
  }

  @inline(__always)
  func advanced(by queries: Int) -> RoundedQueries {
    RoundedQueries(values + queries &* groups &* 64, scales + queries &* groups &* 4, groups)
  }

  /// Fills in `count` queries of `headSize` floats.
  @inline(__always)
  func round(_ queries: UnsafePointer<Float>, count: Int, headSize: Int) {
    var query = 0
    while query < count {
      let (from, to) = (queries + query &* headSize, advanced(by: query))
      var group = 0
      while group < groups {
        let left = headSize &- group &* 32
        let low = _mm512_maskz_loadu_ps(left >= 16 ? 0xFFFF : tailMask(left), from + group &* 32)
        let high =
          left > 16
          ? _mm512_maskz_loadu_ps(left >= 32 ? 0xFFFF : tailMask(left &- 16), from + group &* 32 + 16)
          : _mm512_setzero_ps()
        let scale = rounded16(low, high, to.values + group &* 64)
        to.scales.storeBytes(of: scale, toByteOffset: group &* 4, as: Float.self)
        group &+= 1
      }
      query &+= 1
    }
  }
}

/// Writes 32 floats as multiples of the scale returned, a 32767th of the largest. NaN makes the scale NaN.
@inline(__always)
func rounded16(_ low: Floats, _ high: Floats, _ out: UnsafeMutableRawPointer) -> Float {
  let largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)))
  let inverse = _mm512_set1_ps(largest > 1e-30 ? 32_767 / largest : 0)
  store16(_mm512_mul_ps(low, inverse), out)
  store16(_mm512_mul_ps(high, inverse), out + 32)
  let isNumber = kinglet512_equal(low, low) & kinglet512_equal(high, high) == 0xFFFF
  return isNumber ? largest * (1 / 32_767) : .nan
}

/// Rounds to the nearest integers and writes them as Int16.
@inline(__always)
func store16(_ x: Floats, _ out: UnsafeMutableRawPointer) {
  _mm256_storeu_si256(
    out.assumingMemoryBound(to: __m256i_u.self), _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(x)))
}

/// Thirty-two signed bytes, widened to 16 bits.
@inline(__always)
func loadInt8sAsInt16s(_ pointer: UnsafeRawPointer, _ offset: Int) -> Integers {
  _mm512_cvtepi8_epi16(_mm256_loadu_si256((pointer + offset).assumingMemoryBound(to: __m256i_u.self)))
}

@inline(__always)
func score<Group: RoundedScoreGroup>(_: Group.Type, _ task: PageAttention, _ first: Int, _ visible: Visible) {
  let (headSize, groups) = (task.layout.headSize, task.layout.groups)
  let queries = RoundedQueries(task.workspace, groups: groups)
  queries.round(task.queries + first &* headSize, count: Group.width, headSize: headSize)
  var slot = visible.block
  while slot < visible.upper {
    let keys = task.page + slot &* groups &* 32
    let scales = task.page + task.layout.keyScaleOffset + slot &* groups &* 2
    var sums = Group()
    var group = 0
    while group < groups {
      var pair = group &* 16
      while pair < group &* 16 &+ 16 {
        kinglet512_prefetch(keys + pair &* 32 + 4096)
        let second = loadInt8sAsInt16s(keys, pair &* 32 &+ 32)
        sums.add(loadInt8sAsInt16s(keys, pair &* 32), second, queries, pair)
        pair &+= 2
      }
      sums.finishGroup(loadHalves(scales, group &* 32), queries, group)
      group &+= 1
    }
    sums.store(task, first, slot)
    slot &+= 16
  }
}
