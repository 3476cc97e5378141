import CIntrinsics
import KingletKernels

// Scores of 16 positions (the lanes of two vectors) for one to six queries: two FMA a dimension and query, the keys
// read and widened once for all of them. Groups of queries nest as `TokenGroup` does, so that accumulators stay in
// registers: of six queries twelve, beside two of keys and one of a query's element.

protocol ScoreGroup {
  static var width: Int { get }
  init()
  mutating func add(_ low: Floats, _ high: Floats, _ query: UnsafePointer<Float>, _ headSize: Int)
  func store(
    _ scores: UnsafeMutablePointer<Float>, _ lower: UnsafePointer<Int32>, _ upper: UnsafePointer<Int32>, _ slot: Int)
}

struct OneScore: ScoreGroup {
  var low: Floats
  var high: Floats
  @inline(__always) static var width: Int { 1 }
  @inline(__always) init() {
    low = _mm256_setzero_ps()
    high = _mm256_setzero_ps()
  }
  @inline(__always)
  mutating func add(_ keysLow: Floats, _ keysHigh: Floats, _ query: UnsafePointer<Float>, _ headSize: Int) {
    let q = _mm256_set1_ps(query.pointee)
    low = _mm256_fmadd_ps(keysLow, q, low)
    high = _mm256_fmadd_ps(keysHigh, q, high)
  }
  @inline(__always)
  func store(
    _ scores: UnsafeMutablePointer<Float>, _ lower: UnsafePointer<Int32>, _ upper: UnsafePointer<Int32>, _ slot: Int
  ) {
    _mm256_storeu_ps(scores, masked(low, slot, lower.pointee, upper.pointee))
    _mm256_storeu_ps(scores + 8, masked(high, slot &+ 8, lower.pointee, upper.pointee))
  }

  /// The scores of the slots from `slot` on that lie in `lower ..< upper`, and -infinity for the others.
  @inline(__always)
  private func masked(_ scores: Floats, _ slot: Int, _ lower: Int32, _ upper: Int32) -> Floats {
    let lanes = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0)
    let slots = _mm256_add_epi32(lanes, _mm256_set1_epi32(Int32(truncatingIfNeeded: slot)))
    let early = _mm256_cmpgt_epi32(_mm256_set1_epi32(lower), slots)
    let seen = _mm256_andnot_si256(early, _mm256_cmpgt_epi32(_mm256_set1_epi32(upper), slots))
    return kinglet256_select(seen, scores, _mm256_set1_ps(-.infinity))
  }
}

struct ScorePair<A: ScoreGroup, B: ScoreGroup>: ScoreGroup {
  var a: A
  var b: B
  @inline(__always) static var width: Int { A.width &+ B.width }
  @inline(__always) init() {
    a = A()
    b = B()
  }
  @inline(__always)
  mutating func add(_ low: Floats, _ high: Floats, _ query: UnsafePointer<Float>, _ headSize: Int) {
    a.add(low, high, query, headSize)
    b.add(low, high, query + A.width &* headSize, headSize)
  }
  @inline(__always)
  func store(
    _ scores: UnsafeMutablePointer<Float>, _ lower: UnsafePointer<Int32>, _ upper: UnsafePointer<Int32>, _ slot: Int
  ) {
    a.store(scores, lower, upper, slot)
    b.store(scores + A.width &* KVPageLayout.positions, lower + A.width, upper + A.width, slot)
  }
}

typealias ThreeScores = ScorePair<ScorePair<OneScore, OneScore>, OneScore>
typealias SixScores = ScorePair<ThreeScores, ThreeScores>

@inline(__always)
func score<E: CacheElement, Group: ScoreGroup>(
  _: E.Type, _: Group.Type, _ task: PageAttention, _ first: Int, _ visible: Visible
) {
  let headSize = task.layout.headSize
  var slot = visible.lower & ~15
  while slot < visible.upper {
    let keys = task.page + slot &* headSize &* E.byteCount
    var group = Group()
    var query = task.queries + first &* headSize
    var d = 0
    while d < headSize {
      group.add(E.load(keys, d &* 16), E.load(keys, d &* 16 &+ 8), query, headSize)
      query += 1
      d &+= 1
    }
    group.store(task.scores + first &* KVPageLayout.positions + slot, task.lower + first, task.upper + first, slot)
    slot &+= 16
  }
}

@inline(__always)
func softmax(_ task: PageAttention, _ i: Int, _ visible: Visible) {
  let scores = task.scores + i &* KVPageLayout.positions
  let result = task.out + i &* (task.layout.valueStride &+ 16) + task.layout.valueStride
  var largest = _mm256_set1_ps(-.infinity)
  var slot = visible.lower & ~15
  while slot < visible.upper {
    largest = _mm256_max_ps(largest, _mm256_loadu_ps(scores + slot))
    largest = _mm256_max_ps(largest, _mm256_loadu_ps(scores + slot + 8))
    slot &+= 16
  }
  let maximum = maximumOfLanes(largest)
  // Nothing seen: any finite shift turns the -infinities into exact zeros.
  let shift = _mm256_set1_ps(maximum > -.infinity ? maximum : 0)
  var sum = _mm256_setzero_ps()
  slot = visible.lower & ~15
  while slot < visible.upper {
    let low = exponential(_mm256_sub_ps(_mm256_loadu_ps(scores + slot), shift))
    let high = exponential(_mm256_sub_ps(_mm256_loadu_ps(scores + slot + 8), shift))
    _mm256_storeu_ps(scores + slot, low)
    _mm256_storeu_ps(scores + slot + 8, high)
    sum = _mm256_add_ps(_mm256_add_ps(sum, low), high)
    slot &+= 16
  }
  result[0] = maximum
  result[1] = sumOfLanes(sum)
}

@inline(__always)
func add(_ bias: LinearBias, to task: PageAttention, _ visible: Visible) {
  let lanes = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0)
  var i = 0
  while i < task.queryCount {
    let (scores, slope) = (task.scores + i &* KVPageLayout.positions, _mm256_set1_ps(bias.slopes[i]))
    var slot = visible.lower & ~15
    let end = (visible.upper &+ 15) & ~15
    while slot < end {
      let offset = _mm256_set1_epi32(Int32(truncatingIfNeeded: slot) &- bias.slots[i])
      let distance = _mm256_cvtepi32_ps(_mm256_abs_epi32(_mm256_add_epi32(lanes, offset)))
      _mm256_storeu_ps(scores + slot, _mm256_fnmadd_ps(distance, slope, _mm256_loadu_ps(scores + slot)))
      slot &+= 8
    }
    i &+= 1
  }
}
