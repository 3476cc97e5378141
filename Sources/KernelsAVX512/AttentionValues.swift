import CIntrinsics
import KingletKernels

// output += sum over slots of weight x value: for one to four queries by 64 dimensions, or up to eight by 32 or by the 16
// that are left over at the end. Outputs are read and written back for every chunk of slots, which changes no bit of them.

/// Some dimensions of one query's output.
protocol OutputPart {
  associatedtype Row: ValueRow
  init(_ out: UnsafePointer<Float>)
  mutating func add(_ weight: UnsafePointer<Float>, _ row: Row)
  func store(_ out: UnsafeMutablePointer<Float>)
}

/// As many dimensions of one position's value.
protocol ValueRow {
  static var width: Int { get }
  init<E: CacheElement>(_: E.Type, _ base: UnsafeRawPointer)
}

struct WideRow: ValueRow {
  let a, b, c, d: Floats
  @inline(__always) static var width: Int { 64 }
  @inline(__always) init<E: CacheElement>(_: E.Type, _ base: UnsafeRawPointer) {
    a = E.load(base, 0)
    b = E.load(base, 16)
    c = E.load(base, 32)
    d = E.load(base, 48)
  }
}

struct MiddleRow: ValueRow {
  let a, b: Floats
  @inline(__always) static var width: Int { 32 }
  @inline(__always) init<E: CacheElement>(_: E.Type, _ base: UnsafeRawPointer) {
    a = E.load(base, 0)
    b = E.load(base, 16)
  }
}

struct NarrowRow: ValueRow {
  let a: Floats
  @inline(__always) static var width: Int { 16 }
  @inline(__always) init<E: CacheElement>(_: E.Type, _ base: UnsafeRawPointer) { a = E.load(base, 0) }
}

struct WideOutput: OutputPart {
  var a, b, c, d: Floats
  @inline(__always) init(_ out: UnsafePointer<Float>) {
    a = _mm512_loadu_ps(out)
    b = _mm512_loadu_ps(out + 16)
    c = _mm512_loadu_ps(out + 32)
    d = _mm512_loadu_ps(out + 48)
  }
  @inline(__always)
  mutating func add(_ weight: UnsafePointer<Float>, _ row: WideRow) {
    let w = _mm512_set1_ps(weight.pointee)
    a = _mm512_fmadd_ps(row.a, w, a)
    b = _mm512_fmadd_ps(row.b, w, b)
    c = _mm512_fmadd_ps(row.c, w, c)
    d = _mm512_fmadd_ps(row.d, w, d)
  }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>) {
    _mm512_storeu_ps(out, a)
    _mm512_storeu_ps(out + 16, b)
    _mm512_storeu_ps(out + 32, c)
    _mm512_storeu_ps(out + 48, d)
  }
}

struct MiddleOutput: OutputPart {
  var a, b: Floats
  @inline(__always) init(_ out: UnsafePointer<Float>) {
    a = _mm512_loadu_ps(out)
    b = _mm512_loadu_ps(out + 16)
  }
  @inline(__always)
  mutating func add(_ weight: UnsafePointer<Float>, _ row: MiddleRow) {
    let w = _mm512_set1_ps(weight.pointee)
    a = _mm512_fmadd_ps(row.a, w, a)
    b = _mm512_fmadd_ps(row.b, w, b)
  }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>) {
    _mm512_storeu_ps(out, a)
    _mm512_storeu_ps(out + 16, b)
  }
}

struct NarrowOutput: OutputPart {
  var a: Floats
  @inline(__always) init(_ out: UnsafePointer<Float>) { a = _mm512_loadu_ps(out) }
  @inline(__always)
  mutating func add(_ weight: UnsafePointer<Float>, _ row: NarrowRow) {
    a = _mm512_fmadd_ps(row.a, _mm512_set1_ps(weight.pointee), a)
  }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>) { _mm512_storeu_ps(out, a) }
}

/// The same dimensions of several queries' outputs.
protocol OutputGroup {
  associatedtype Row: ValueRow
  static var width: Int { get }
  init(_ out: UnsafePointer<Float>, _ resultStride: Int)
  mutating func add(_ weights: UnsafePointer<Float>, _ row: Row)
  func store(_ out: UnsafeMutablePointer<Float>, _ resultStride: Int)
}

struct OneQuery<Part: OutputPart>: OutputGroup {
  var part: Part
  @inline(__always) static var width: Int { 1 }
  @inline(__always) init(_ out: UnsafePointer<Float>, _ resultStride: Int) { part = Part(out) }
  @inline(__always)
  mutating func add(_ weights: UnsafePointer<Float>, _ row: Part.Row) { part.add(weights, row) }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, _ resultStride: Int) { part.store(out) }
}

struct QueryPair<A: OutputGroup, B: OutputGroup>: OutputGroup where A.Row == B.Row {
  var a: A
  var b: B
  @inline(__always) static var width: Int { A.width &+ B.width }
  @inline(__always) init(_ out: UnsafePointer<Float>, _ resultStride: Int) {
    a = A(out, resultStride)
    b = B(out + A.width &* resultStride, resultStride)
  }
  @inline(__always)
  mutating func add(_ weights: UnsafePointer<Float>, _ row: A.Row) {
    a.add(weights, row)
    b.add(weights + A.width &* KVPageLayout.positions, row)
  }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, _ resultStride: Int) {
    a.store(out, resultStride)
    b.store(out + A.width &* resultStride, resultStride)
  }
}

typealias TwoQueries<Part: OutputPart> = QueryPair<OneQuery<Part>, OneQuery<Part>>
typealias ThreeQueries<Part: OutputPart> = QueryPair<TwoQueries<Part>, OneQuery<Part>>
typealias FourQueries<Part: OutputPart> = QueryPair<TwoQueries<Part>, TwoQueries<Part>>
typealias FiveQueries<Part: OutputPart> = QueryPair<FourQueries<Part>, OneQuery<Part>>
typealias SixQueries<Part: OutputPart> = QueryPair<FourQueries<Part>, TwoQueries<Part>>
typealias SevenQueries<Part: OutputPart> = QueryPair<FourQueries<Part>, ThreeQueries<Part>>
typealias EightQueries<Part: OutputPart> = QueryPair<FourQueries<Part>, FourQueries<Part>>

/// A chunk of slots of the values of some dimensions.
struct ValueChunk {
  let base: UnsafeRawPointer
  let rowByteCount: Int
  let first: Int
  let count: Int
}

/// What to ask for with each of the rows of a chunk: row i of four streams, `(i mod 4) apart + (i / 4) step` further on.
private struct RowFetch {
  let first: UnsafeRawPointer
  let apart: Int
  let step: Int

  @inline(__always)
  func fetch(_ row: Int, byteCount: Int) {
    prefetch(first + (row & 3) &* apart + (row >> 2) &* step, byteCount)
  }
}

@inline(__always)
private func weigh<E: CacheElement, Group: OutputGroup>(
  _: E.Type, _: Group.Type, _ chunk: ValueChunk, _ task: PageAttention, query: Int, dimension: Int,
  fetching upcoming: RowFetch? = nil
) {
  let resultStride = task.layout.valueStride &+ 16
  let out = task.out + query &* resultStride + dimension
  let weights = task.scores + query &* KVPageLayout.positions + chunk.first
  var group = Group(out, resultStride)
  var row = chunk.base
  var i = 0
  while i < chunk.count {
    if let upcoming { upcoming.fetch(i, byteCount: E.byteCount &* Group.Row.width) }
    group.add(weights + i, Group.Row(E.self, row))
    row += chunk.rowByteCount
    i &+= 1
  }
  group.store(out, resultStride)
}

/// All queries of the task, from values as they are stored.
///
/// Values further on are asked for with each that is read, and in place of those behind the last one the keys that are read
/// next.
@inline(__always)
func weighFew<E: CacheElement, Wide: OutputGroup, Narrow: OutputGroup>(
  _: E.Type, _: Wide.Type, _: Narrow.Type, _ task: PageAttention, _ visible: Visible
) {
  let stride = task.layout.valueStride
  let values = task.page + task.layout.valueOffset
  let rowByteCount = stride &* E.byteCount
  let ahead = 4 &* KeyStreams.aheadByteCount(task.layout)
  // Of few values all are read within that.
  let short = max(0, ahead &- (visible.upper &- visible.lower) &* rowByteCount)
  // Behind the page, where nobody knows better.
  let upcoming =
    task.upcoming
    ?? KeyStreams(
      values + KVPageLayout.positions &* rowByteCount, task.layout, lower: 0, upper: KVPageLayout.positions)
  var slot = visible.lower
  while slot < visible.upper {
    let count = min(8, visible.upper &- slot)
    let beyond = ahead &- (visible.upper &- slot) &* rowByteCount
    var d = 0
    while d < stride {
      let width = stride &- d >= 64 ? 64 : 16
      let place = slot &* rowByteCount + d &* E.byteCount
      let chunk = ValueChunk(base: values + place, rowByteCount: rowByteCount, first: slot, count: count)
      let fetch =
        beyond < 0
        ? RowFetch(first: values + (place + ahead), apart: rowByteCount, step: 4 &* rowByteCount)
        : RowFetch(
          first: upcoming.first + ((beyond &- short) / 4 & ~63) + 2 &* d &* E.byteCount, apart: upcoming.apart,
          step: width &* E.byteCount)
      if width == 64 {
        weigh(E.self, Wide.self, chunk, task, query: 0, dimension: d, fetching: fetch)
      } else {
        weigh(E.self, Narrow.self, chunk, task, query: 0, dimension: d, fetching: fetch)
      }
      d &+= width
    }
    slot &+= 8
  }
}

/// Chunk by chunk of 64 slots, all queries, from values that are widened once, if they have to be.
@inline(__always)
func weighMany<E: CacheElement>(_: E.Type, _ task: PageAttention, _ visible: Visible) {
  let stride = task.layout.valueStride
  var slot = visible.lower
  while slot < visible.upper {
    let count = min(64, visible.upper &- slot)
    var d = 0
    while d < stride {
      let left = stride &- d
      if left >= 64 {
        weighChunk(WideOutput.self, chunk(E.self, slot, count, d, width: 64, task), task, d)
        d &+= 64
      } else if left >= 32 {
        weighChunk(MiddleOutput.self, chunk(E.self, slot, count, d, width: 32, task), task, d)
        d &+= 32
      } else {
        weighChunk(NarrowOutput.self, chunk(E.self, slot, count, d, width: 16, task), task, d)
        d &+= 16
      }
    }
    slot &+= 64
  }
}

/// Some dimensions of the values of some slots, as floats.
@inline(__always)
private func chunk<E: CacheElement>(
  _: E.Type, _ slot: Int, _ count: Int, _ dimension: Int, width: Int, _ task: PageAttention
) -> ValueChunk {
  let stride = task.layout.valueStride
  let values = task.page + task.layout.valueOffset + (slot &* stride &+ dimension) &* E.byteCount
  if E.isWide { return ValueChunk(base: values, rowByteCount: stride &* E.byteCount, first: slot, count: count) }
  let widened = task.workspace.assumingMemoryBound(to: Float.self)
  var i = 0
  while i < count {
    var j = 0
    while j < width {
      let index = i &* stride &+ j
      kinglet512_prefetch(values + (index &+ 32 &* stride) &* E.byteCount)
      _mm512_storeu_ps(widened + i &* width + j, E.load(values, index))
      j &+= 16
    }
    i &+= 1
  }
  return ValueChunk(base: task.workspace, rowByteCount: width &* 4, first: slot, count: count)
}

@inline(__always)
private func weighChunk<Part: OutputPart>(
  _: Part.Type, _ chunk: ValueChunk, _ task: PageAttention, _ dimension: Int
) {
  var i = 0
  while i < task.queryCount {
    let left = task.queryCount &- i
    if Part.Row.width < 64 && left >= 8 {
      weigh(FloatElement.self, EightQueries<Part>.self, chunk, task, query: i, dimension: dimension)
      i &+= 8
    } else if left >= 4 {
      weigh(FloatElement.self, FourQueries<Part>.self, chunk, task, query: i, dimension: dimension)
      i &+= 4
    } else if left == 3 {
      weigh(FloatElement.self, ThreeQueries<Part>.self, chunk, task, query: i, dimension: dimension)
      i &+= 3
    } else if left == 2 {
      weigh(FloatElement.self, TwoQueries<Part>.self, chunk, task, query: i, dimension: dimension)
      i &+= 2
    } else {
      weigh(FloatElement.self, OneQuery<Part>.self, chunk, task, query: i, dimension: dimension)
      i &+= 1
    }
  }
}
