import CIntrinsics
import KingletKernels

// Attention over one page, see `KVPageLayout`. Keys lie transposed, so lanes are positions: the scores of 16 positions
// for up to eight queries are one FMA a dimension and query, with the key vector read (and widened) once for all of them.
// Values lie in rows, so lanes are dimensions: 64 dimensions by four queries in sixteen accumulators.
//
// Every score, weight and output element is summed in ascending order in its own lane, and a masked position adds an
// exact zero: neither the number of queries nor the other positions of the page change a bit of a result.

/// How an element of the cache is stored.
private protocol Element {
  static var byteCount: Int { get }
  static func load(_ base: UnsafeRawPointer, _ index: Int) -> Floats
}

private enum HalfElement: Element {
  @inline(__always) static var byteCount: Int { 2 }
  @inline(__always) static func load(_ base: UnsafeRawPointer, _ index: Int) -> Floats { loadHalves(base, index &* 2) }
}

private enum FloatElement: Element {
  @inline(__always) static var byteCount: Int { 4 }
  @inline(__always) static func load(_ base: UnsafeRawPointer, _ index: Int) -> Floats {
    _mm512_loadu_ps((base + index &* 4).assumingMemoryBound(to: Float.self))
  }
}

@inline(never)
func attendPage512(_ task: PageAttention) {
  if task.layout.isHalf { attend(HalfElement.self, task) } else { attend(FloatElement.self, task) }
}

@inline(__always)
private func attend<E: Element>(_: E.Type, _ task: PageAttention) {
  let visible = union(task)
  var i = 0
  while i < task.queryCount {
    let left = task.queryCount &- i
    if left >= 8 {
      score(E.self, Pair8.self, task, i, visible)
      i &+= 8
    } else if left >= 4 {
      score(E.self, Pair4.self, task, i, visible)
      i &+= 4
    } else if left == 3 {
      score(E.self, Pair3.self, task, i, visible)
      i &+= 3
    } else if left == 2 {
      score(E.self, Pair2.self, task, i, visible)
      i &+= 2
    } else {
      score(E.self, OneScore.self, task, i, visible)
      i &+= 1
    }
  }
  i = 0
  while i < task.queryCount {
    softmax(task, i, visible)
    i &+= 1
  }
  i = 0
  while i < task.queryCount {
    let left = task.queryCount &- i
    if left >= 4 {
      weigh(E.self, 4, task, i, visible)
      i &+= 4
    } else if left == 3 {
      weigh(E.self, 3, task, i, visible)
      i &+= 3
    } else {
      weigh(E.self, 1, task, i, visible)
      i &+= 1
    }
  }
}

/// The slots that any of the queries sees.
private struct Visible {
  var lower: Int
  var upper: Int
}

@inline(__always)
private func union(_ task: PageAttention) -> Visible {
  var visible = Visible(lower: KVPageLayout.positions, upper: 0)
  var i = 0
  while i < task.queryCount {
    if task.lower[i] < task.upper[i] {
      visible.lower = min(visible.lower, Int(task.lower[i]))
      visible.upper = max(visible.upper, Int(task.upper[i]))
    }
    i &+= 1
  }
  if visible.upper <= visible.lower { visible.lower = visible.upper }
  return visible
}

// MARK: Scores

private protocol ScoreGroup {
  static var width: Int { get }
  init()
  mutating func add(_ key: Floats, _ query: UnsafePointer<Float>, _ headSize: Int)
  func store(
    _ scores: UnsafeMutablePointer<Float>, _ lower: UnsafePointer<Int32>, _ upper: UnsafePointer<Int32>,
    _ slots: Integers)
}

private struct OneScore: ScoreGroup {
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

private struct ScorePair<A: ScoreGroup, B: ScoreGroup>: ScoreGroup {
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

private typealias Pair2 = ScorePair<OneScore, OneScore>
private typealias Pair3 = ScorePair<Pair2, OneScore>
private typealias Pair4 = ScorePair<Pair2, Pair2>
private typealias Pair8 = ScorePair<Pair4, Pair4>

@inline(__always)
private func score<E: Element, Group: ScoreGroup>(
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

// MARK: Softmax

@inline(__always)
private func softmax(_ task: PageAttention, _ i: Int, _ visible: Visible) {
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

// MARK: Values

/// 64 dimensions of one query's output.
private struct Output {
  var a = _mm512_setzero_ps()
  var b = _mm512_setzero_ps()
  var c = _mm512_setzero_ps()
  var d = _mm512_setzero_ps()
  @inline(__always) init() {}
  @inline(__always)
  mutating func add(_ weight: Float, _ va: Floats, _ vb: Floats, _ vc: Floats, _ vd: Floats) {
    let w = _mm512_set1_ps(weight)
    a = _mm512_fmadd_ps(va, w, a)
    b = _mm512_fmadd_ps(vb, w, b)
    c = _mm512_fmadd_ps(vc, w, c)
    d = _mm512_fmadd_ps(vd, w, d)
  }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>) {
    _mm512_storeu_ps(out, a)
    _mm512_storeu_ps(out + 16, b)
    _mm512_storeu_ps(out + 32, c)
    _mm512_storeu_ps(out + 48, d)
  }
}

/// `count` (1, 3 or 4, a constant) queries from `first` on: output = sum over slots of weight x value.
@inline(__always)
private func weigh<E: Element>(_: E.Type, _ count: Int, _ task: PageAttention, _ first: Int, _ visible: Visible) {
  let stride = task.layout.valueStride
  let resultStride = stride &+ 16
  let values = task.page + task.layout.valueOffset
  let scores = task.scores + first &* KVPageLayout.positions
  let out = task.out + first &* resultStride
  var dimension = 0
  while dimension &+ 64 <= stride {
    var (o0, o1, o2, o3) = (Output(), Output(), Output(), Output())
    var slot = visible.lower
    while slot < visible.upper {
      let row = slot &* stride &+ dimension
      let (a, b) = (E.load(values, row), E.load(values, row &+ 16))
      let (c, d) = (E.load(values, row &+ 32), E.load(values, row &+ 48))
      o0.add(scores[slot], a, b, c, d)
      if count > 1 { o1.add(scores[KVPageLayout.positions &+ slot], a, b, c, d) }
      if count > 2 { o2.add(scores[KVPageLayout.positions &* 2 &+ slot], a, b, c, d) }
      if count > 3 { o3.add(scores[KVPageLayout.positions &* 3 &+ slot], a, b, c, d) }
      slot &+= 1
    }
    o0.store(out + dimension)
    if count > 1 { o1.store(out + resultStride + dimension) }
    if count > 2 { o2.store(out + resultStride &* 2 + dimension) }
    if count > 3 { o3.store(out + resultStride &* 3 + dimension) }
    dimension &+= 64
  }
  while dimension < stride {
    var query = 0
    while query < count {
      var sum = _mm512_setzero_ps()
      var slot = visible.lower
      while slot < visible.upper {
        let weight = scores[query &* KVPageLayout.positions &+ slot]
        sum = _mm512_fmadd_ps(E.load(values, slot &* stride &+ dimension), _mm512_set1_ps(weight), sum)
        slot &+= 1
      }
      _mm512_storeu_ps(out + query &* resultStride + dimension, sum)
      query &+= 1
    }
    dimension &+= 16
  }
}

// MARK: Cache and merging

@inline(never)
func appendKeyValue512(_ p: KVAppend) {
  let headSize = p.layout.headSize
  let keys = p.page + (p.slot & ~15) &* headSize &* p.layout.elementByteCount
  let lane = p.slot & 15
  let values = p.page + p.layout.valueOffset + p.slot &* p.layout.valueStride &* p.layout.elementByteCount
  var d = 0
  while d < headSize {
    let mask = headSize &- d >= 16 ? 0xFFFF : tailMask(headSize &- d)
    let value = _mm512_maskz_loadu_ps(mask, p.value + d)
    if p.layout.isHalf {
      _mm256_mask_storeu_epi16(values + d &* 2, mask, kinglet512_half(bounded(value)))
    } else {
      _mm512_mask_storeu_ps(values + d &* 4, mask, value)
    }
    d &+= 16
  }
  d = 0
  while d < headSize {
    let index = d &* 16 &+ lane
    if p.layout.isHalf {
      let half = kinglet512_half(bounded(_mm512_set1_ps(p.key[d])))
      keys.storeBytes(of: UInt16(truncatingIfNeeded: kinglet512_low32(half)), toByteOffset: index &* 2, as: UInt16.self)
    } else {
      keys.storeBytes(of: p.key[d], toByteOffset: index &* 4, as: Float.self)
    }
    d &+= 1
  }
}

/// Into the range of halves; NaN, as a second operand, stays.
@inline(__always)
private func bounded(_ x: Floats) -> Floats {
  _mm512_min_ps(_mm512_set1_ps(65_504), _mm512_max_ps(_mm512_set1_ps(-65_504), x))
}

@inline(never)
func mergePages512(_ running: UnsafeMutablePointer<Float>, _ page: UnsafePointer<Float>, _ valueStride: Int) {
  let (old, new) = (running[valueStride], page[valueStride])
  guard new > -.infinity else { return }
  let maximum = old > new ? old : new
  let keep = exponential(_mm512_set1_ps(old - maximum))
  let add = exponential(_mm512_set1_ps(new - maximum))
  var i = 0
  while i < valueStride {
    let sum = _mm512_fmadd_ps(_mm512_loadu_ps(page + i), add, _mm512_mul_ps(_mm512_loadu_ps(running + i), keep))
    _mm512_storeu_ps(running + i, sum)
    i &+= 16
  }
  running[valueStride] = maximum
  let total = _mm512_fmadd_ps(
    _mm512_set1_ps(page[valueStride &+ 1]), add, _mm512_mul_ps(_mm512_set1_ps(running[valueStride &+ 1]), keep))
  running[valueStride &+ 1] = _mm512_cvtss_f32(total)
}

@inline(never)
func finishAttention512(
  _ running: UnsafePointer<Float>, _ valueStride: Int, _ headSize: Int, _ out: UnsafeMutablePointer<Float>
) {
  let sum = _mm512_set1_ps(running[valueStride &+ 1])
  var d = 0
  while d < headSize {
    let mask = headSize &- d >= 16 ? 0xFFFF : tailMask(headSize &- d)
    _mm512_mask_storeu_ps(out + d, mask, _mm512_div_ps(_mm512_maskz_loadu_ps(mask, running + d), sum))
    d &+= 16
  }
}
