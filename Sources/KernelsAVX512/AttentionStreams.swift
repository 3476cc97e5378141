import CIntrinsics
import KingletKernels

// Scores of a few queries, which are bound by memory: four blocks of keys at a time, each from another quarter of what is
// seen. A processor fetches ahead within a page of 4 kB, one for each stream it follows, so four streams bring more than
// one. Every score is summed as in `AttentionScores`, bit for bit.

/// Sixteen positions of each of four blocks: one dimension.
struct KeyQuad {
  let a, b, c, d: Floats
}

/// The scores of some queries over four blocks.
protocol StreamedScores {
  static var width: Int { get }
  init()
  mutating func add(_ keys: KeyQuad, _ query: UnsafePointer<Float>, _ headSize: Int)
  /// Writes them for queries from `query` on: blocks begin at `slot` and are `apart` slots from each other.
  func store(_ task: PageAttention, _ query: Int, _ slot: Int, apart: Int)
}

struct OneStreamed: StreamedScores {
  var a = _mm512_setzero_ps()
  var b = _mm512_setzero_ps()
  var c = _mm512_setzero_ps()
  var d = _mm512_setzero_ps()
  @inline(__always) static var width: Int { 1 }
  @inline(__always) init() {}
  @inline(__always)
  mutating func add(_ keys: KeyQuad, _ query: UnsafePointer<Float>, _ headSize: Int) {
    let q = _mm512_set1_ps(query.pointee)
    a = _mm512_fmadd_ps(keys.a, q, a)
    b = _mm512_fmadd_ps(keys.b, q, b)
    c = _mm512_fmadd_ps(keys.c, q, c)
    d = _mm512_fmadd_ps(keys.d, q, d)
  }
  @inline(__always)
  func store(_ task: PageAttention, _ query: Int, _ slot: Int, apart: Int) {
    storeScores(a, task, query, slot)
    storeScores(b, task, query, slot &+ apart)
    storeScores(c, task, query, slot &+ 2 &* apart)
    storeScores(d, task, query, slot &+ 3 &* apart)
  }
}

struct StreamedPair<A: StreamedScores, B: StreamedScores>: StreamedScores {
  var a = A()
  var b = B()
  @inline(__always) static var width: Int { A.width &+ B.width }
  @inline(__always) init() {}
  @inline(__always)
  mutating func add(_ keys: KeyQuad, _ query: UnsafePointer<Float>, _ headSize: Int) {
    a.add(keys, query, headSize)
    b.add(keys, query + A.width &* headSize, headSize)
  }
  @inline(__always)
  func store(_ task: PageAttention, _ query: Int, _ slot: Int, apart: Int) {
    a.store(task, query, slot, apart: apart)
    b.store(task, query &+ A.width, slot, apart: apart)
  }
}

typealias TwoStreamed = StreamedPair<OneStreamed, OneStreamed>
typealias ThreeStreamed = StreamedPair<TwoStreamed, OneStreamed>
typealias FourStreamed = StreamedPair<TwoStreamed, TwoStreamed>

/// Four cache lines to ask for, and where the next four are.
private struct FetchPath {
  var first: UnsafeRawPointer
  let apart: Int
  let step: Int

  @inline(__always)
  mutating func fetch() {
    kinglet512_prefetch(first)
    kinglet512_prefetch(first + apart)
    kinglet512_prefetch(first + 2 &* apart)
    kinglet512_prefetch(first + 3 &* apart)
    first += step
  }
}

/// All queries of the task over as many slots as make whole blocks in four streams; returns the first slot that is left.
///
/// What is asked for while the last keys are read is the first values: as much as all streams are ahead, so that memory is
/// busy during the softmax.
@inline(__always)
func scoreStreams<E: CacheElement, Scores: StreamedScores>(
  _: E.Type, _: Scores.Type, _ task: PageAttention, _ visible: Visible
) -> Int {
  let streams = KeyStreams(task.page, task.layout, lower: visible.lower, upper: visible.upper)
  let (first, blocks, apart) = (streams.firstSlot, streams.blockCount, streams.apart)
  let headSize = task.layout.headSize
  let rowByteCount = 16 &* E.byteCount
  let ahead = KeyStreams.aheadByteCount(task.layout)
  var keys = streams.first
  var block = 0
  while block < blocks {
    var scores = Scores()
    var d = 0
    let isLast = block &+ 1 == blocks
    var path = FetchPath(first: keys + ahead, apart: apart, step: 64)
    var end = isLast ? headSize &- ahead / rowByteCount : headSize
    while true {
      while d < end {
        if d & 1 == 0 || E.byteCount == 4 { path.fetch() }
        scores.add(
          KeyQuad(
            a: E.load(keys, 0), b: E.load(keys + apart, 0), c: E.load(keys + 2 &* apart, 0),
            d: E.load(keys + 3 &* apart, 0)),
          task.queries + d, headSize)
        keys += rowByteCount
        d &+= 1
      }
      if d == headSize { break }
      path = FetchPath(first: firstValue(task, visible), apart: 64, step: 256)
      end = headSize
    }
    scores.store(task, 0, first &+ block &* 16, apart: blocks &* 16)
    block &+= 1
  }
  return first &+ blocks &* 64
}

/// Where the values begin that are seen.
@inline(__always)
func firstValue(_ task: PageAttention, _ visible: Visible) -> UnsafeRawPointer {
  task.page + task.layout.valueOffset + visible.lower &* task.layout.valueStride &* task.layout.elementByteCount
}
