import CIntrinsics
import KingletKernels

// Scores of 16 positions (the lanes) for one to twelve queries: one FMA a dimension and query. Groups of queries nest as
// `TokenGroup` does, so that accumulators stay in registers.

protocol ScoreGroup {
  static var width: Int { get }
  init()
  mutating func add(_ key: Floats, _ query: UnsafePointer<Float>, _ headSize: Int)
  /// Writes the scores of 16 slots from `slot` on for queries from `first` on: -infinity for those not seen.
  func store(_ task: PageAttention, _ first: Int, _ slot: Int)
}

struct OneScore: ScoreGroup {
  var sum = _mm512_setzero_ps()
  @inline(__always) static var width: Int { 1 }
  @inline(__always) init() {}
  @inline(__always)
  mutating func add(_ key: Floats, _ query: UnsafePointer<Float>, _ headSize: Int) {
    sum = _mm512_fmadd_ps(key, _mm512_set1_ps(query.pointee), sum)
  }
  @inline(__always)
  func store(_ task: PageAttention, _ first: Int, _ slot: Int) {
    let seen = seenSlots(slot, task.lower + first, task.upper + first)
    _mm512_storeu_ps(
      task.scores + first &* KVPageLayout.positions + slot, _mm512_mask_mov_ps(_mm512_set1_ps(-.infinity), seen, sum))
  }
}

struct ScorePair<A: ScoreGroup, B: ScoreGroup>: ScoreGroup {
  var a = A()
  var b = B()
  @inline(__always) static var width: Int { A.width &+ B.width }
  @inline(__always) init() {}
  @inline(__always)
  mutating func add(_ key: Floats, _ query: UnsafePointer<Float>, _ headSize: Int) {
    a.add(key, query, headSize)
    b.add(key, query + A.width &* headSize, headSize)
  }
  @inline(__always)
  func store(_ task: PageAttention, _ first: Int, _ slot: Int) {
    a.store(task, first, slot)
    b.store(task, first &+ A.width, slot)
  }
}

typealias TwoScores = ScorePair<OneScore, OneScore>
typealias ThreeScores = ScorePair<TwoScores, OneScore>
typealias FourScores = ScorePair<TwoScores, TwoScores>
typealias EightScores = ScorePair<FourScores, FourScores>
typealias TwelveScores = ScorePair<EightScores, FourScores>

/// All queries of the task, two blocks at a time: the sums of one alone would wait for each other.
@inline(__always)
func scoreFew<E: CacheElement, Group: ScoreGroup>(
  _: E.Type, _: Group.Type, _ task: PageAttention, _ visible: Visible
) {
  let headSize = task.layout.headSize
  let blockByteCount = headSize &* 16 &* E.byteCount
  var slot = visible.block
  while slot &+ 16 < visible.upper {
    let keys = task.page + slot &* headSize &* E.byteCount
    var (first, second) = (Group(), Group())
    var query = task.queries
    var d = 0
    while d < headSize {
      let place = keys + d &* 16 &* E.byteCount
      kinglet512_prefetch(place + 2 &* blockByteCount)
      kinglet512_prefetch(place + 3 &* blockByteCount)
      first.add(E.load(place, 0), query, headSize)
      second.add(E.load(place + blockByteCount, 0), query, headSize)
      query += 1
      d &+= 1
    }
    first.store(task, 0, slot)
    second.store(task, 0, slot &+ 16)
    slot &+= 32
  }
  if slot < visible.upper { score(E.self, Group.self, task, 0, slot, task.page + slot &* headSize &* E.byteCount) }
}

/// Block by block, all queries, from keys widened once.
@inline(__always)
func scoreMany<E: CacheElement>(_: E.Type, _ task: PageAttention, _ visible: Visible) {
  let headSize = task.layout.headSize
  let widened = task.workspace.assumingMemoryBound(to: Float.self)
  var slot = visible.block
  while slot < visible.upper {
    let keys = task.page + slot &* headSize &* E.byteCount
    var d = 0
    while d < headSize {
      _mm512_storeu_ps(widened + d &* 16, E.load(keys, d &* 16))
      d &+= 1
    }
    scoreBlock(task, slot, task.workspace)
    slot &+= 16
  }
}

@inline(__always)
private func scoreBlock(_ task: PageAttention, _ slot: Int, _ keys: UnsafeRawPointer) {
  var i = 0
  while i < task.queryCount {
    let left = task.queryCount &- i
    if left >= 12 {
      score(FloatElement.self, TwelveScores.self, task, i, slot, keys)
      i &+= 12
    } else if left >= 8 {
      score(FloatElement.self, EightScores.self, task, i, slot, keys)
      i &+= 8
    } else if left >= 4 {
      score(FloatElement.self, FourScores.self, task, i, slot, keys)
      i &+= 4
    } else if left == 3 {
      score(FloatElement.self, ThreeScores.self, task, i, slot, keys)
      i &+= 3
    } else if left == 2 {
      score(FloatElement.self, TwoScores.self, task, i, slot, keys)
      i &+= 2
    } else {
      score(FloatElement.self, OneScore.self, task, i, slot, keys)
      i &+= 1
    }
  }
}

/// One block, a group of queries.
@inline(__always)
private func score<E: CacheElement, Group: ScoreGroup>(
  _: E.Type, _: Group.Type, _ task: PageAttention, _ first: Int, _ slot: Int, _ keys: UnsafeRawPointer
) {
  let headSize = task.layout.headSize
  var group = Group()
  var query = task.queries + first &* headSize
  var d = 0
  while d < headSize {
    group.add(E.load(keys, d &* 16), query, headSize)
    query += 1
    d &+= 1
  }
  group.store(task, first, slot)
}
