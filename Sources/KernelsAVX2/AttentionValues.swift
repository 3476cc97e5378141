import CIntrinsics
import KingletKernels

/// 32 dimensions of one query's output.
struct Output {
  var a = _mm256_setzero_ps()
  var b = _mm256_setzero_ps()
  var c = _mm256_setzero_ps()
  var d = _mm256_setzero_ps()
  @inline(__always) init() {}
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>) {
    _mm256_storeu_ps(out, a)
    _mm256_storeu_ps(out + 8, b)
    _mm256_storeu_ps(out + 16, c)
    _mm256_storeu_ps(out + 24, d)
  }
}

/// `count` (1, 2 or 3, a constant) queries from `first` on: output = sum over slots of weight x value.
///
/// Three queries fill the registers: twelve accumulators, three weights, and one vector of values at a time.
@inline(__always)
func weigh<E: CacheElement>(_: E.Type, _ count: Int, _ task: PageAttention, _ first: Int, _ visible: Visible) {
  let stride = task.layout.valueStride
  let resultStride = stride &+ 16
  let values = task.page + task.layout.valueOffset
  let scores = task.scores + first &* KVPageLayout.positions
  let out = task.out + first &* resultStride
  var dimension = 0
  while dimension &+ 32 <= stride {
    var (o0, o1, o2) = (Output(), Output(), Output())
    var slot = visible.lower
    while slot < visible.upper {
      let row = slot &* stride &+ dimension
      let w0 = _mm256_set1_ps(scores[slot])
      let w1 = count > 1 ? _mm256_set1_ps(scores[KVPageLayout.positions &+ slot]) : w0
      let w2 = count > 2 ? _mm256_set1_ps(scores[KVPageLayout.positions &* 2 &+ slot]) : w0
      let a = E.load(values, row)
      o0.a = _mm256_fmadd_ps(a, w0, o0.a)
      if count > 1 { o1.a = _mm256_fmadd_ps(a, w1, o1.a) }
      if count > 2 { o2.a = _mm256_fmadd_ps(a, w2, o2.a) }
      let b = E.load(values, row &+ 8)
      o0.b = _mm256_fmadd_ps(b, w0, o0.b)
      if count > 1 { o1.b = _mm256_fmadd_ps(b, w1, o1.b) }
      if count > 2 { o2.b = _mm256_fmadd_ps(b, w2, o2.b) }
      let c = E.load(values, row &+ 16)
      o0.c = _mm256_fmadd_ps(c, w0, o0.c)
      if count > 1 { o1.c = _mm256_fmadd_ps(c, w1, o1.c) }
      if count > 2 { o2.c = _mm256_fmadd_ps(c, w2, o2.c) }
      let d = E.load(values, row &+ 24)
      o0.d = _mm256_fmadd_ps(d, w0, o0.d)
      if count > 1 { o1.d = _mm256_fmadd_ps(d, w1, o1.d) }
      if count > 2 { o2.d = _mm256_fmadd_ps(d, w2, o2.d) }
      slot &+= 1
    }
    o0.store(out + dimension)
    if count > 1 { o1.store(out + resultStride + dimension) }
    if count > 2 { o2.store(out + resultStride &* 2 + dimension) }
    dimension &+= 32
  }
  while dimension < stride {
    var query = 0
    while query < count {
      var sum = _mm256_setzero_ps()
      var slot = visible.lower
      while slot < visible.upper {
        let weight = scores[query &* KVPageLayout.positions &+ slot]
        sum = _mm256_fmadd_ps(E.load(values, slot &* stride &+ dimension), _mm256_set1_ps(weight), sum)
        slot &+= 1
      }
      _mm256_storeu_ps(out + query &* resultStride + dimension, sum)
      query &+= 1
    }
    dimension &+= 8
  }
}
