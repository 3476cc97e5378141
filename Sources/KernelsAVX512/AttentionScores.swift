import CIntrinsics
import KingletKernels

// Scores of 32 positions (two vectors of lanes) for one to eight queries: two FMA a dimension and query. Groups of queries
// nest as `TokenGroup` does, so that accumulators stay in registers.
//
// Blocks come in pairs whether they are seen or not: what is masked becomes -infinity.

/// A head size, if possible one that the compiler knows: the queries' addresses are then constants, where computing them
/// would take as long as the sums.
protocol HeadSize {
  static func value(_ headSize: Int) -> Int
}

enum HeadSize32: HeadSize {
  @inline(__always) static func value(_: Int) -> Int { 32 }
}
enum HeadSize64: HeadSize {
  @inline(__always) static func value(_: Int) -> Int { 64 }
}
enum HeadSize128: HeadSize {
  @inline(__always) static func value(_: Int) -> Int { 128 }
}
enum HeadSize256: HeadSize {
  @inline(__always) static func value(_: Int) -> Int { 256 }
}
enum AnyHeadSize: HeadSize {
  @inline(__always) static func value(_ headSize: Int) -> Int { headSize }
}

protocol ScoreGroup {
  static var width: Int { get }
  init()
  mutating func add(_ first: Floats, _ second: Floats, _ query: UnsafePointer<Float>, _ headSize: Int)
  /// Writes the scores of 32 slots from `slot` on for queries from `query` on.
  func store(_ task: PageAttention, _ query: Int, _ slot: Int)
}

struct OneScore: ScoreGroup {
  var first = _mm512_setzero_ps()
  var second = _mm512_setzero_ps()
  @inline(__always) static var width: Int { 1 }
  @inline(__always) init() {}
  @inline(__always)
  mutating func add(_ first: Floats, _ second: Floats, _ query: UnsafePointer<Float>, _ headSize: Int) {
    let q = _mm512_set1_ps(query.pointee)
    self.first = _mm512_fmadd_ps(first, q, self.first)
    self.second = _mm512_fmadd_ps(second, q, self.second)
  }
  @inline(__always)
  func store(_ task: PageAttention, _ query: Int, _ slot: Int) {
    storeScores(first, task, query, slot)
    storeScores(second, task, query, slot &+ 16)
  }
}

/// Writes the scores of a query for 16 slots from `slot` on: -infinity for those not seen.
@inline(__always)
func storeScores(_ scores: Floats, _ task: PageAttention, _ query: Int, _ slot: Int) {
  let seen = seenSlots(slot, task.lower + query, task.upper + query)
  _mm512_storeu_ps(
    task.scores + query &* KVPageLayout.positions + slot, _mm512_mask_mov_ps(_mm512_set1_ps(-.infinity), seen, scores))
}

struct ScorePair<A: ScoreGroup, B: ScoreGroup>: ScoreGroup {
  var a = A()
  var b = B()
  @inline(__always) static var width: Int { A.width &+ B.width }
  @inline(__always) init() {}
  @inline(__always)
  mutating func add(_ first: Floats, _ second: Floats, _ query: UnsafePointer<Float>, _ headSize: Int) {
    a.add(first, second, query, headSize)
    b.add(first, second, query + A.width &* headSize, headSize)
  }
  @inline(__always)
  func store(_ task: PageAttention, _ query: Int, _ slot: Int) {
    a.store(task, query, slot)
    b.store(task, query &+ A.width, slot)
  }
}

typealias TwoScores = ScorePair<OneScore, OneScore>
typealias ThreeScores = ScorePair<TwoScores, OneScore>
typealias FourScores = ScorePair<TwoScores, TwoScores>
typealias FiveScores = ScorePair<FourScores, OneScore>
typealias SixScores = ScorePair<FourScores, TwoScores>
typealias SevenScores = ScorePair<FourScores, ThreeScores>
typealias EightScores = ScorePair<FourScores, FourScores>

/// All queries of the task, from keys as they are stored; the next pair of blocks is prefetched, or the first values.
@inline(__always)
func scoreFew<E: CacheElement, Group: ScoreGroup>(
  _: E.Type, _: Group.Type, _ task: PageAttention, _ visible: Visible, from first: Int
) {
  let blockByteCount = task.layout.headSize &* 16 &* E.byteCount
  var slot = first
  while slot < visible.upper {
    let keys = task.page + slot / 16 &* blockByteCount
    let next = slot &+ 32 < visible.upper ? keys + 2 &* blockByteCount : firstValue(task, visible)
    score(E.self, AnyHeadSize.self, Group.self, task, 0, slot, keys, fetching: next)
    slot &+= 32
  }
}

/// All queries of the task, from pairs of blocks that are widened once, if they have to be.
@inline(__always)
func scoreMany<E: CacheElement>(_: E.Type, _ task: PageAttention, _ visible: Visible) {
  let headSize = task.layout.headSize
  let widened = task.workspace.assumingMemoryBound(to: Float.self)
  var slot = visible.lower & ~31
  while slot < visible.upper {
    var keys = task.page + slot &* headSize &* E.byteCount
    if !E.isWide {
      var row = 0
      while row < 2 &* headSize {
        kinglet512_prefetch(keys + (2 &* headSize &+ row) &* 16 &* E.byteCount)
        _mm512_storeu_ps(widened + row &* 16, E.load(keys, row &* 16))
        row &+= 1
      }
      keys = UnsafeRawPointer(widened)
    }
    switch headSize {
    case 32: scoreBlocks(HeadSize32.self, task, slot, keys)
    case 64: scoreBlocks(HeadSize64.self, task, slot, keys)
    case 128: scoreBlocks(HeadSize128.self, task, slot, keys)
    case 256: scoreBlocks(HeadSize256.self, task, slot, keys)
    default: scoreBlocks(AnyHeadSize.self, task, slot, keys)
    }
    slot &+= 32
  }
}

// Not inlined: it would be there once for each kind of element.
@inline(never)
private func scoreBlocks<Size: HeadSize>(
  _: Size.Type, _ task: PageAttention, _ slot: Int, _ keys: UnsafeRawPointer
) {
  var i = 0
  while i < task.queryCount {
    let left = task.queryCount &- i
    if left >= 8 {
      score(FloatElement.self, Size.self, EightScores.self, task, i, slot, keys)
      i &+= 8
    } else if left == 7 {
      score(FloatElement.self, Size.self, SevenScores.self, task, i, slot, keys)
      i &+= 7
    } else if left == 6 {
      score(FloatElement.self, Size.self, SixScores.self, task, i, slot, keys)
      i &+= 6
    } else if left == 5 {
      score(FloatElement.self, Size.self, FiveScores.self, task, i, slot, keys)
      i &+= 5
    } else if left == 4 {
      score(FloatElement.self, Size.self, FourScores.self, task, i, slot, keys)
      i &+= 4
    } else if left == 3 {
      score(FloatElement.self, Size.self, ThreeScores.self, task, i, slot, keys)
      i &+= 3
    } else if left == 2 {
      score(FloatElement.self, Size.self, TwoScores.self, task, i, slot, keys)
      i &+= 2
    } else {
      score(FloatElement.self, Size.self, OneScore.self, task, i, slot, keys)
      i &+= 1
    }
  }
}

/// Two blocks, a group of queries.
@inline(__always)
private func score<E: CacheElement, Size: HeadSize, Group: ScoreGroup>(
  _: E.Type, _: Size.Type, _: Group.Type, _ task: PageAttention, _ first: Int, _ slot: Int, _ keys: UnsafeRawPointer,
  fetching next: UnsafeRawPointer? = nil
) {
  let headSize = Size.value(task.layout.headSize)
  let blockByteCount = headSize &* 16 &* E.byteCount
  var group = Group()
  var query = task.queries + first &* headSize
  var d = 0
  while d < headSize {
    let offset = d &* 16 &* E.byteCount
    let place = keys + offset
    if let next {
      kinglet512_prefetch(next + offset)
      kinglet512_prefetch(next + offset + blockByteCount)
    }
    group.add(E.load(place, 0), E.load(place + blockByteCount, 0), query, headSize)
    query += 1
    d &+= 1
  }
  group.store(task, first, slot)
}
