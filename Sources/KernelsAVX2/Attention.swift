import CIntrinsics
import KingletKernels

// Attention over one page, see `KVPageLayout`. Keys lie transposed, so lanes are positions: the scores of 16 positions
// (two vectors) for up to six queries are two FMA a dimension and query, with the keys read (and widened) once for all
// of them. Values lie in rows, so lanes are dimensions: 32 dimensions by three queries in twelve accumulators.
//
// Every score, weight and output element is summed in ascending order in its own lane, and a masked position adds an
// exact zero: neither the number of queries nor the other positions of the page change a bit of a result.

/// How an element of the cache is stored.
protocol CacheElement {
  static var byteCount: Int { get }
  static func load(_ base: UnsafeRawPointer, _ index: Int) -> Floats
}

enum HalfElement: CacheElement {
  @inline(__always) static var byteCount: Int { 2 }
  @inline(__always) static func load(_ base: UnsafeRawPointer, _ index: Int) -> Floats { loadHalves(base, index &* 2) }
}

enum FloatElement: CacheElement {
  @inline(__always) static var byteCount: Int { 4 }
  @inline(__always) static func load(_ base: UnsafeRawPointer, _ index: Int) -> Floats {
    _mm256_loadu_ps((base + index &* 4).assumingMemoryBound(to: Float.self))
  }
}

@inline(never)
func attendPage256(_ task: PageAttention) {
  let visible = visibleSlots(task)
  switch task.layout.type {
  case .f16: attend(HalfElement.self, task, visible)
  case .f32: attend(FloatElement.self, task, visible)
  case .q8_0: attendWidened(task, visible)
  }
}

@inline(__always)
private func attend<E: CacheElement>(_: E.Type, _ task: PageAttention, _ visible: Visible) {
  score(E.self, task, visible)
  weigh(E.self, task, visible)
}

/// Scores of all queries, and their weights.
@inline(__always)
func score<E: CacheElement>(_: E.Type, _ task: PageAttention, _ visible: Visible) {
  var i = 0
  while i < task.queryCount {
    let left = task.queryCount &- i
    if left >= 6 {
      score(E.self, SixScores.self, task, i, visible)
      i &+= 6
    } else if left >= 3 {
      score(E.self, ThreeScores.self, task, i, visible)
      i &+= 3
    } else {
      score(E.self, OneScore.self, task, i, visible)
      i &+= 1
    }
  }
  if let bias = task.bias { add(bias, to: task, visible) }
  i = 0
  while i < task.queryCount {
    softmax(task, i, visible)
    i &+= 1
  }
}

/// Outputs of all queries.
@inline(__always)
func weigh<E: CacheElement>(_: E.Type, _ task: PageAttention, _ visible: Visible) {
  var i = 0
  while i < task.queryCount {
    let left = task.queryCount &- i
    if left == 3 || left > 4 {
      weigh(E.self, 3, task, i, visible)
      i &+= 3
    } else if left >= 2 {
      weigh(E.self, 2, task, i, visible)
      i &+= 2
    } else {
      weigh(E.self, 1, task, i, visible)
      i &+= 1
    }
  }
}

/// The slots that any of the queries sees.
struct Visible {
  var lower: Int
  var upper: Int
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
