import CIntrinsics
import KingletKernels

// Scores of 16 positions (the lanes) for one to eight queries: one FMA a dimension and query, the key vector read and
// widened once for all of them. Groups of queries nest as `TokenGroup` does, so that accumulators stay in registers.

protocol ScoreGroup {
  static var width: Int { get }
  init()
  mutating func add(_ key: Floats, _ query: UnsafePointer<Float>, _ headSize: Int)
  func store(
    _ scores: UnsafeMutablePointer<Float>, _ lower: UnsafePointer<Int32>, _ upper: UnsafePointer<Int32>,
    _ slots: Integers)
}

struct OneScore: ScoreGroup {
  var sum: Floats
  @inline(__always) static var width: Int { 1 }
  @inline(__always) init() { sum = _mm512_setzero_ps() }
  @inline(__always)
  mutating func add(_ key: Floats, _ query: UnsafePointer<Float>, _ headSize: Int) {
    sum = _mm512_fmadd_ps(key, _mm512_set1_ps(query.pointee), sum)
  }
  @inline(__always)
  func store(
    _ scores: UnsafeMutablePointer<Float>, _ lower: UnsafePointer<Int32>, _ upper: UnsafePointer<Int32>,
    _ slots: Integers
  ) {
    let seen =
      kinglet512_less(slots, _mm512_set1_epi32(upper.pointee)) & ~kinglet512_less(
        slots, _mm512_set1_epi32(lower.pointee))
    _mm512_storeu_ps(scores, _mm512_mask_mov_ps(_mm512_set1_ps(-.infinity), seen, sum))
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
  mutating func add(_ key: Floats, _ query: UnsafePointer<Float>, _ headSize: Int) {
    a.add(key, query, headSize)
    b.add(key, query + A.width &* headSize, headSize)
  }
  @inline(__always)
  func store(
    _ scores: UnsafeMutablePointer<Float>, _ lower: UnsafePointer<Int32>, _ upper: UnsafePointer<Int32>,
    _ slots: Integers
  ) {
    a.store(scores, lower, upper, slots)
    b.store(scores + A.width &* KVPageLayout.positions, lower + A.width, upper + A.width, slots)
  }
}

typealias TwoScores = ScorePair<OneScore, OneScore>
typealias ThreeScores = ScorePair<TwoScores, OneScore>
typealias FourScores = ScorePair<TwoScores, TwoScores>
typealias EightScores = ScorePair<FourScores, FourScores>

@inline(__always)
func score<E: CacheElement, Group: ScoreGroup>(
  _: E.Type, _: Group.Type, _ task: PageAttention, _ first: Int, _ visible: Visible
) {
  let headSize = task.layout.headSize
  let lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
  var slot = visible.lower & ~15
  while slot < visible.upper {
    let keys = task.page + slot &* headSize &* E.byteCount
    var group = Group()
    var query = task.queries + first &* headSize
    var d = 0
    while d < headSize {
      group.add(E.load(keys, d &* 16), query, headSize)
      query += 1
      d &+= 1
    }
    group.store(
      task.scores + first &* KVPageLayout.positions + slot, task.lower + first, task.upper + first,
      _mm512_add_epi32(lanes, _mm512_set1_epi32(Int32(truncatingIfNeeded: slot))))
    slot &+= 16
  }
}

@inline(__always)
func softmax(_ task: PageAttention, _ i: Int, _ visible: Visible) {
  let scores = task.scores + i &* KVPageLayout.positions
  let result = task.out + i &* (task.layout.valueStride &+ 16) + task.layout.valueStride
  var largest = _mm512_set1_ps(-.infinity)
  var slot = visible.lower & ~15
  while slot < visible.upper {
    largest = _mm512_max_ps(largest, _mm512_loadu_ps(scores + slot))
    slot &+= 16
  }
  let maximum = _mm512_reduce_max_ps(largest)
  // Nothing seen: any finite shift turns the -infinities into exact zeros.
  let shift = _mm512_set1_ps(maximum > -.infinity ? maximum : 0)
  var sum = _mm512_setzero_ps()
  slot = visible.lower & ~15
  while slot < visible.upper {
    let weights = exponential(_mm512_sub_ps(_mm512_loadu_ps(scores + slot), shift))
    _mm512_storeu_ps(scores + slot, weights)
    sum = _mm512_add_ps(sum, weights)
    slot &+= 16
  }
  result[0] = maximum
  result[1] = _mm512_reduce_add_ps(sum)
}
