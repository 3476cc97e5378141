import CIntrinsics
import KingletKernels

// The weighted sum of values of Q8_0: a weight is multiplied by the scale of its position, rounded to 16 bits, and
// `vpdpwssd` adds the products of two positions for 16 dimensions. A page's sums are exact (256 x 127 x 32767 < 2^31),
// so there is one conversion to float for each page.

/// The weights of up to four queries in a task's workspace: `[4][groups][256]` Int16 and `[4][groups]` scales.
struct RoundedWeights {
  let values: UnsafeMutableRawPointer
  let scales: UnsafeMutableRawPointer
  let groups: Int

  @inline(__always)
  init(_ workspace: UnsafeMutableRawPointer, groups: Int) {
    values = workspace
    scales = workspace + groups &* 4 &* KVPageLayout.positions &* 2
    self.groups = groups
  }

  /// Where the weights of a query and group are.
  @inline(__always)
  func row(_ query: Int, _ group: Int) -> UnsafeMutableRawPointer {
    values + (query &* groups &+ group) &* KVPageLayout.positions &* 2
  }

  @inline(__always)
  func scale(_ query: Int, _ group: Int) -> Floats { broadcastFloat(scales, (query &* groups &+ group) &* 4) }

  /// Rounds the products of a query's weights and the values' scales. What is masked is 0 whatever lies there.
  @inline(__always)
  func round(_ task: PageAttention, _ index: Int, to query: Int, _ visible: Visible) {
    let weights = task.scores + index &* KVPageLayout.positions
    let valueScales = task.page + task.layout.valueScaleOffset
    var group = 0
    while group < groups {
      let halves = valueScales + group &* KVPageLayout.positions &* 2
      var largest = _mm512_setzero_ps()
      var notNumbers: UInt16 = 0
      var slot = visible.block
      while slot < visible.upper {
        let seen = seenSlots(slot, task.lower + index, task.upper + index)
        let product = product(weights, halves, slot, seen)
        largest = _mm512_max_ps(largest, _mm512_abs_ps(product))
        notNumbers |= ~kinglet512_equal(product, product)
        slot &+= 16
      }
      let most = _mm512_reduce_max_ps(largest)
      let inverse = _mm512_set1_ps(most > 1e-30 ? 32_767 / most : 0)
      slot = visible.block
      while slot < visible.upper {
        let seen = seenSlots(slot, task.lower + index, task.upper + index)
        let product = product(weights, halves, slot, seen)
        store16(_mm512_mul_ps(product, inverse), row(query, group) + slot &* 2)
        slot &+= 16
      }
      scales.storeBytes(
        of: notNumbers == 0 ? most * (1 / 32_767) : .nan, toByteOffset: (query &* groups &+ group) &* 4, as: Float.self)
      group &+= 1
    }
  }

  @inline(__always)
  private func product(
    _ weights: UnsafeMutablePointer<Float>, _ scales: UnsafeRawPointer, _ slot: Int, _ seen: UInt16
  ) -> Floats {
    _mm512_maskz_mul_ps(seen, _mm512_loadu_ps(weights + slot), loadHalves(scales, slot &* 2))
  }
}

/// 32 dimensions of one query's output, as integers.
struct RoundedOutput {
  var low = _mm512_setzero_si512()
  var high = _mm512_setzero_si512()
  @inline(__always) init() {}
  @inline(__always)
  mutating func add(_ weights: UnsafeMutableRawPointer, _ slot: Int, _ low: Integers, _ high: Integers) {
    let w = broadcastInt32(weights, slot &* 2)
    self.low = _mm512_dpwssd_epi32(self.low, low, w)
    self.high = _mm512_dpwssd_epi32(self.high, high, w)
  }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, _ scale: Floats) {
    _mm512_storeu_ps(out, _mm512_mul_ps(_mm512_cvtepi32_ps(low), scale))
    _mm512_storeu_ps(out + 16, _mm512_mul_ps(_mm512_cvtepi32_ps(high), scale))
  }
}

/// `count` (1 to 4, a constant) queries from `first` on: output = sum over slots of weight x value.
@inline(__always)
func weighRounded(_ count: Int, _ task: PageAttention, _ first: Int, _ visible: Visible) {
  let stride = task.layout.valueStride
  let resultStride = stride &+ 16
  let values = task.page + task.layout.valueOffset
  let weights = RoundedWeights(task.workspace, groups: task.layout.groups)
  var query = 0
  while query < count {
    weights.round(task, first &+ query, to: query, visible)
    query &+= 1
  }
  let out = task.out + first &* resultStride
  var group = 0
  while group < weights.groups {
    var (o0, o1, o2, o3) = (RoundedOutput(), RoundedOutput(), RoundedOutput(), RoundedOutput())
    var slot = visible.lower & ~1
    while slot < visible.upper {
      let place = slot &* stride &+ group &* 64
      let (low, high) = (loadInt8sAsInt16s(values, place), loadInt8sAsInt16s(values, place &+ 32))
      o0.add(weights.row(0, group), slot, low, high)
      if count > 1 { o1.add(weights.row(1, group), slot, low, high) }
      if count > 2 { o2.add(weights.row(2, group), slot, low, high) }
      if count > 3 { o3.add(weights.row(3, group), slot, low, high) }
      slot &+= 2
    }
    let place = out + group &* 32
    o0.store(place, weights.scale(0, group))
    if count > 1 { o1.store(place + resultStride, weights.scale(1, group)) }
    if count > 2 { o2.store(place + resultStride &* 2, weights.scale(2, group)) }
    if count > 3 { o3.store(place + resultStride &* 3, weights.scale(3, group)) }
    group &+= 1
  }
}
