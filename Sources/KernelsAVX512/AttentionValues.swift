import CIntrinsics
import KingletKernels

/// 64 dimensions of one query's output.
struct Output {
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
func weigh<E: CacheElement>(_: E.Type, _ count: Int, _ task: PageAttention, _ first: Int, _ visible: Visible) {
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
