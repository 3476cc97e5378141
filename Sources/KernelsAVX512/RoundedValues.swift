import CIntrinsics
import KingletKernels

// The weighted sum of values of Q8_0: a weight is multiplied by the scale of its position, rounded to 16 bits, and
// `vpdpwssd` adds the products of two positions for 16 dimensions. A page's sums are exact (256 x 127 x 32767 < 2^31),
// so there is one conversion to float for each page.

/// The weights of up to eight queries in a task's workspace: `[8][groups][256]` Int16 and `[8][groups]` scales.
struct RoundedWeights {
  let values: UnsafeMutableRawPointer
  let scales: UnsafeMutableRawPointer
  let groups: Int

  @inline(__always)
  init(_ workspace: UnsafeMutableRawPointer, groups: Int) {
    values = workspace
    scales = workspace + groups &* 8 &* KVPageLayout.positions &* 2
    self.groups = groups
  }

  /// Where the weights of a query and group are.
  @inline(__always)
  func row(_ query: Int, _ group: Int) -> UnsafeMutableRawPointer {
    values + (query &* groups &+ group) &* KVPageLayout.positions &* 2
  }

  /// Rounds the products of a query's weights and the values' scales. A weight of zero stays zero whatever its position
  /// holds.
  @inline(__always)
  func round(_ task: PageAttention, _ index: Int, to query: Int, _ visible: Visible) {
    let weights = task.scores + index &* KVPageLayout.positions
    var group = 0
    while group < groups {
      let halves = task.page + task.layout.valueScaleOffset + group &* KVPageLayout.positions &* 2
      // As integers the bits of absolute values are in the order of the values, NaN above all.
      var largest = _mm512_setzero_si512()
      var slot = visible.block
      while slot < visible.upper {
        let product = product(weights + slot, halves + slot &* 2)
        largest = _mm512_max_epi32(largest, _mm512_castps_si512(_mm512_abs_ps(product)))
        slot &+= 16
      }
      let most = Float(bitPattern: UInt32(truncatingIfNeeded: _mm512_reduce_max_epi32(largest)))
      let inverse = _mm512_set1_ps(most > 1e-30 ? 32_767 / most : 0)
      slot = visible.block
      while slot < visible.upper {
        let product = product(weights + slot, halves + slot &* 2)
        store16(_mm512_mul_ps(product, inverse), row(query, group) + slot &* 2)
        slot &+= 16
      }
      scales.storeBytes(of: most * (1 / 32_767), toByteOffset: (query &* groups &+ group) &* 4, as: Float.self)
      group &+= 1
    }
  }

  @inline(__always)
  private func product(_ weights: UnsafeMutablePointer<Float>, _ scales: UnsafeRawPointer) -> Floats {
    let weight = _mm512_loadu_ps(weights)
    let isZero = kinglet512_equal(weight, _mm512_setzero_ps())
    return _mm512_maskz_mul_ps(~isZero, weight, loadHalves(scales, 0))
  }
}

/// 32 dimensions of some queries' outputs, as integers: between two chunks of slots they wait, bit for bit, where the
/// floats will be.
protocol RoundedOutputGroup {
  static var width: Int { get }
  init(_ out: UnsafePointer<Float>, _ resultStride: Int)
  /// Adds a pair of positions: their weights for the first query, and from one query to the next `stride` bytes.
  mutating func add(_ weights: UnsafeRawPointer, _ stride: Int, _ low: Integers, _ high: Integers)
  func store(_ out: UnsafeMutablePointer<Float>, _ resultStride: Int)
  /// Writes the sums as floats.
  func finish(_ out: UnsafeMutablePointer<Float>, _ resultStride: Int, _ scales: UnsafeRawPointer, _ groups: Int)
}

struct RoundedOutput: RoundedOutputGroup {
  var low: Integers
  var high: Integers
  @inline(__always) static var width: Int { 1 }
  @inline(__always) init(_ out: UnsafePointer<Float>, _ resultStride: Int) {
    low = _mm512_loadu_si512(out)
    high = _mm512_loadu_si512(out + 16)
  }
  @inline(__always)
  mutating func add(_ weights: UnsafeRawPointer, _ stride: Int, _ low: Integers, _ high: Integers) {
    let w = broadcastInt32(weights, 0)
    self.low = _mm512_dpwssd_epi32(self.low, low, w)
    self.high = _mm512_dpwssd_epi32(self.high, high, w)
  }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, _ resultStride: Int) {
    _mm512_storeu_si512(out, low)
    _mm512_storeu_si512(out + 16, high)
  }
  @inline(__always)
  func finish(_ out: UnsafeMutablePointer<Float>, _ resultStride: Int, _ scales: UnsafeRawPointer, _ groups: Int) {
    let scale = broadcastFloat(scales, 0)
    _mm512_storeu_ps(out, _mm512_mul_ps(_mm512_cvtepi32_ps(low), scale))
    _mm512_storeu_ps(out + 16, _mm512_mul_ps(_mm512_cvtepi32_ps(high), scale))
  }
}

struct RoundedOutputPair<A: RoundedOutputGroup, B: RoundedOutputGroup>: RoundedOutputGroup {
  var a: A
  var b: B
  @inline(__always) static var width: Int { A.width &+ B.width }
  @inline(__always) init(_ out: UnsafePointer<Float>, _ resultStride: Int) {
    a = A(out, resultStride)
    b = B(out + A.width &* resultStride, resultStride)
  }
  @inline(__always)
  mutating func add(_ weights: UnsafeRawPointer, _ stride: Int, _ low: Integers, _ high: Integers) {
    a.add(weights, stride, low, high)
    b.add(weights + A.width &* stride, stride, low, high)
  }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, _ resultStride: Int) {
    a.store(out, resultStride)
    b.store(out + A.width &* resultStride, resultStride)
  }
  @inline(__always)
  func finish(_ out: UnsafeMutablePointer<Float>, _ resultStride: Int, _ scales: UnsafeRawPointer, _ groups: Int) {
    a.finish(out, resultStride, scales, groups)
    b.finish(out + A.width &* resultStride, resultStride, scales + A.width &* groups &* 4, groups)
  }
}

typealias TwoRoundedOutputs = RoundedOutputPair<RoundedOutput, RoundedOutput>
typealias ThreeRoundedOutputs = RoundedOutputPair<TwoRoundedOutputs, RoundedOutput>
typealias FourRoundedOutputs = RoundedOutputPair<TwoRoundedOutputs, TwoRoundedOutputs>
typealias EightRoundedOutputs = RoundedOutputPair<FourRoundedOutputs, FourRoundedOutputs>

/// A group of queries from `first` on, whose outputs are zero: output = sum over slots of weight x value.
@inline(__always)
func weigh<Group: RoundedOutputGroup>(_: Group.Type, _ task: PageAttention, _ first: Int, _ visible: Visible) {
  let stride = task.layout.valueStride
  let resultStride = stride &+ 16
  let values = task.page + task.layout.valueOffset
  let weights = RoundedWeights(task.workspace, groups: task.layout.groups)
  var query = 0
  while query < Group.width {
    weights.round(task, first &+ query, to: query, visible)
    query &+= 1
  }
  let queryStride = weights.groups &* KVPageLayout.positions &* 2
  let out = task.out + first &* resultStride
  // Chunks, so that what is prefetched comes evenly.
  var slot = visible.lower & ~1
  while slot < visible.upper {
    let end = min(slot &+ 32, visible.upper)
    var group = 0
    while group < weights.groups {
      var sums = Group(out + group &* 32, resultStride)
      let row = weights.row(0, group)
      var i = slot
      while i < end {
        let pair = values + i &* stride + group &* 64
        kinglet512_prefetch(pair + 32 &* stride)
        sums.add(row + i &* 2, queryStride, loadInt8sAsInt16s(pair, 0), loadInt8sAsInt16s(pair, 32))
        i &+= 2
      }
      sums.store(out + group &* 32, resultStride)
      group &+= 1
    }
    slot = end
  }
  var group = 0
  while group < weights.groups {
    let place = out + group &* 32
    Group(place, resultStride).finish(place, resultStride, weights.scales + group &* 4, weights.groups)
    group &+= 1
  }
}
