import CIntrinsics
import KingletKernels

// Attention over one page, see `KVPageLayout`. Keys lie transposed, so lanes are positions: the scores of 16 positions are
// one FMA a dimension and query. Values lie in rows, so lanes are dimensions: 64 dimensions by four queries, or 32 by
// eight, in sixteen accumulators.
//
// A few queries, a token's, are bound by memory: keys and values are widened as they are read, once, and prefetched. Many
// are bound by arithmetic: blocks of keys and values that are not floats are widened into the workspace first.
//
// Every score, weight and output element is summed in ascending order in its own lane, and a masked position adds an
// exact zero: neither the number of queries nor the other positions of the page change a bit of a result.

@inline(never)
func attendPage512(_ task: PageAttention) {
  switch task.layout.type {
  case .f16: attend(HalfElement.self, task)
  case .f32: attend(FloatElement.self, task)
  case .q8_0: attendRounded(task)
  }
}

@inline(__always)
private func attend<E: CacheElement>(_: E.Type, _ task: PageAttention) {
  let visible = visibleSlots(task)
  switch task.queryCount {
  case 1: scoreFew(E.self, OneScore.self, task, visible, from: scoreStreams(E.self, OneStreamed.self, task, visible))
  case 2: scoreFew(E.self, TwoScores.self, task, visible, from: scoreStreams(E.self, TwoStreamed.self, task, visible))
  case 3:
    scoreFew(E.self, ThreeScores.self, task, visible, from: scoreStreams(E.self, ThreeStreamed.self, task, visible))
  case 4:
    scoreFew(E.self, FourScores.self, task, visible, from: scoreStreams(E.self, FourStreamed.self, task, visible))
  case 5: scoreFew(E.self, FiveScores.self, task, visible, from: visible.lower & ~31)
  case 6: scoreFew(E.self, SixScores.self, task, visible, from: visible.lower & ~31)
  case 7: scoreFew(E.self, SevenScores.self, task, visible, from: visible.lower & ~31)
  case 8: scoreFew(E.self, EightScores.self, task, visible, from: visible.lower & ~31)
  default: scoreMany(E.self, task, visible)
  }
  if let bias = task.bias { add(bias, to: task, visible) }
  softmax(task, visible)
  clearOutputs(task)
  switch task.queryCount {
  case 1: weighFew(E.self, OneQuery<WideOutput>.self, OneQuery<NarrowOutput>.self, task, visible)
  case 2: weighFew(E.self, TwoQueries<WideOutput>.self, TwoQueries<NarrowOutput>.self, task, visible)
  case 3: weighFew(E.self, ThreeQueries<WideOutput>.self, ThreeQueries<NarrowOutput>.self, task, visible)
  case 4: weighFew(E.self, FourQueries<WideOutput>.self, FourQueries<NarrowOutput>.self, task, visible)
  case 5: weighFew(E.self, FiveQueries<WideOutput>.self, FiveQueries<NarrowOutput>.self, task, visible)
  case 6: weighFew(E.self, SixQueries<WideOutput>.self, SixQueries<NarrowOutput>.self, task, visible)
  case 7: weighFew(E.self, SevenQueries<WideOutput>.self, SevenQueries<NarrowOutput>.self, task, visible)
  case 8: weighFew(E.self, EightQueries<WideOutput>.self, EightQueries<NarrowOutput>.self, task, visible)
  default: weighMany(E.self, task, visible)
  }
}

/// How an element of the cache is stored.
protocol CacheElement {
  static var byteCount: Int { get }
  /// Whether elements are as they are computed with.
  static var isWide: Bool { get }
  static func load(_ base: UnsafeRawPointer, _ index: Int) -> Floats
}

enum HalfElement: CacheElement {
  @inline(__always) static var byteCount: Int { 2 }
  @inline(__always) static var isWide: Bool { false }
  @inline(__always) static func load(_ base: UnsafeRawPointer, _ index: Int) -> Floats { loadHalves(base, index &* 2) }
}

enum FloatElement: CacheElement {
  @inline(__always) static var byteCount: Int { 4 }
  @inline(__always) static var isWide: Bool { true }
  @inline(__always) static func load(_ base: UnsafeRawPointer, _ index: Int) -> Floats {
    _mm512_loadu_ps((base + index &* 4).assumingMemoryBound(to: Float.self))
  }
}

/// The slots that any of the queries sees.
struct Visible {
  var lower: Int
  var upper: Int

  /// Where the first block of keys begins.
  @inline(__always) var block: Int { lower & ~15 }
}

@inline(__always)
func visibleSlots(_ task: PageAttention) -> Visible {
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

/// Which of 16 slots from `slot` on lie in `lower ..< upper`.
@inline(__always)
func seenSlots(_ slot: Int, _ lower: UnsafePointer<Int32>, _ upper: UnsafePointer<Int32>) -> UInt16 {
  let lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
  let slots = _mm512_add_epi32(lanes, _mm512_set1_epi32(Int32(truncatingIfNeeded: slot)))
  return kinglet512_less(slots, _mm512_set1_epi32(upper.pointee))
    & ~kinglet512_less(slots, _mm512_set1_epi32(lower.pointee))
}

@inline(__always)
func clearOutputs(_ task: PageAttention) {
  let stride = task.layout.valueStride
  var i = 0
  while i < task.queryCount {
    var d = 0
    while d < stride {
      _mm512_storeu_ps(task.out + i &* (stride &+ 16) + d, _mm512_setzero_ps())
      d &+= 16
    }
    i &+= 1
  }
}

@inline(__always)
func add(_ bias: LinearBias, to task: PageAttention, _ visible: Visible) {
  let lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
  var i = 0
  while i < task.queryCount {
    let (scores, slope) = (task.scores + i &* KVPageLayout.positions, _mm512_set1_ps(bias.slopes[i]))
    var slot = visible.block
    while slot < visible.upper {
      let offset = _mm512_set1_epi32(Int32(truncatingIfNeeded: slot) &- bias.slots[i])
      let distance = _mm512_cvtepi32_ps(_mm512_abs_epi32(_mm512_add_epi32(lanes, offset)))
      _mm512_storeu_ps(scores + slot, _mm512_fnmadd_ps(distance, slope, _mm512_loadu_ps(scores + slot)))
      slot &+= 16
    }
    i &+= 1
  }
}
