import CIntrinsics
import KingletKernels

// Low-rank updates. Projections take four rows of A by four tokens: per sixteen columns 8 loads and 16 FMA, sums across
// lanes at the end of the rows. A single token takes four rows side by side, bound by memory: 4 streams, each fetched ahead
// where the next four rows are. Additions take sixteen rows by four tokens: per rank one load of B, 4 broadcasts, 4 FMA.

/// Sums of four rows of A.
private struct FourRows {
  var (s0, s1, s2, s3) = (_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps())

  @inline(__always) init() {}

  @inline(__always)
  mutating func add(_ a: FourRows, _ x: Floats) {
    s0 = _mm512_fmadd_ps(a.s0, x, s0)
    s1 = _mm512_fmadd_ps(a.s1, x, s1)
    s2 = _mm512_fmadd_ps(a.s2, x, s2)
    s3 = _mm512_fmadd_ps(a.s3, x, s3)
  }

  @inline(__always)
  mutating func load(_ a: UnsafePointer<Float>, _ stride: Int) {
    s0 = _mm512_loadu_ps(a)
    s1 = _mm512_loadu_ps(a + stride)
    s2 = _mm512_loadu_ps(a + 2 &* stride)
    s3 = _mm512_loadu_ps(a + 3 &* stride)
  }

  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, times strength: Float) {
    out[0] = strength * _mm512_reduce_add_ps(s0)
    out[1] = strength * _mm512_reduce_add_ps(s1)
    out[2] = strength * _mm512_reduce_add_ps(s2)
    out[3] = strength * _mm512_reduce_add_ps(s3)
  }
}

@inline(never)
func projectLowRank512(_ p: LowRankProjection) {
  var token = 0
  while token &+ 4 <= p.tokenCount {
    let (x, out) = (p.x + token &* p.xStride, p.out + token &* p.outStride)
    var row = 0
    while row &+ 4 <= p.rank {
      let a = p.a + row &* p.aStride
      var (t0, t1, t2, t3) = (FourRows(), FourRows(), FourRows(), FourRows())
      var w = FourRows()
      // Rows of A end in zeros, up to a whole vector.
      forEachVector(p.columns) { i, mask in
        w.load(a + i, p.aStride)
        t0.add(w, _mm512_maskz_loadu_ps(mask, x + i))
        t1.add(w, _mm512_maskz_loadu_ps(mask, x + p.xStride + i))
        t2.add(w, _mm512_maskz_loadu_ps(mask, x + 2 &* p.xStride + i))
        t3.add(w, _mm512_maskz_loadu_ps(mask, x + 3 &* p.xStride + i))
      }
      t0.store(out + row, times: p.strength)
      t1.store(out + p.outStride + row, times: p.strength)
      t2.store(out + 2 &* p.outStride + row, times: p.strength)
      t3.store(out + 3 &* p.outStride + row, times: p.strength)
      row &+= 4
    }
    var slot = 0
    while slot < 4 {
      projectRows(p, from: row, x + slot &* p.xStride, out + slot &* p.outStride)
      slot &+= 1
    }
    token &+= 4
  }
  while token < p.tokenCount {
    let (x, out) = (p.x + token &* p.xStride, p.out + token &* p.outStride)
    var row = 0
    while row &+ 4 <= p.rank {
      let a = p.a + row &* p.aStride
      var (sums, w) = (FourRows(), FourRows())
      forEachVector(p.columns) { i, mask in
        w.load(a + i, p.aStride)
        kinglet512_prefetch(a + 4 &* p.aStride + i)
        kinglet512_prefetch(a + 5 &* p.aStride + i)
        kinglet512_prefetch(a + 6 &* p.aStride + i)
        kinglet512_prefetch(a + 7 &* p.aStride + i)
        sums.add(w, _mm512_maskz_loadu_ps(mask, x + i))
      }
      sums.store(out + row, times: p.strength)
      row &+= 4
    }
    projectRows(p, from: row, x, out)
    token &+= 1
  }
}

/// The last rows, of which there are fewer than four, one by one.
@inline(__always)
private func projectRows(
  _ p: LowRankProjection, from first: Int, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>
) {
  var row = first
  while row < p.rank {
    let a = p.a + row &* p.aStride
    var sum = _mm512_setzero_ps()
    forEachVector(p.columns) { i, mask in
      sum = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_maskz_loadu_ps(mask, x + i), sum)
    }
    out[row] = p.strength * _mm512_reduce_add_ps(sum)
    row &+= 1
  }
}

@inline(never)
func addLowRank512(_ t: LowRankAddition) {
  var i = 0
  while i < t.rowCount {
    let row = t.firstRow &+ i
    let lane = row & 15
    let count = min(16 &- lane, t.rowCount &- i)
    addPanel(t, i, t.b + (row &- lane) &* t.rank + lane, tailMask(count))
    i &+= count
  }
}

/// Rows of one panel.
@inline(__always)
private func addPanel(_ t: LowRankAddition, _ i: Int, _ b: UnsafePointer<Float>, _ mask: UInt16) {
  let one = _mm512_set1_ps(1)
  let factors = t.factors.map { _mm512_maskz_loadu_ps(mask, $0 + i) } ?? one
  var token = 0
  while token &+ 4 <= t.tokenCount {
    let (out, low) = (t.out + token &* t.outStride + i, t.low + token &* t.lowStride)
    var s0 = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, out), factors)
    var s1 = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, out + t.outStride), factors)
    var s2 = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, out + 2 &* t.outStride), factors)
    var s3 = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, out + 3 &* t.outStride), factors)
    var k = 0
    while k < t.rank {
      let w = _mm512_maskz_loadu_ps(mask, b + 16 &* k)
      s0 = _mm512_fmadd_ps(w, _mm512_set1_ps(low[k]), s0)
      s1 = _mm512_fmadd_ps(w, _mm512_set1_ps(low[t.lowStride &+ k]), s1)
      s2 = _mm512_fmadd_ps(w, _mm512_set1_ps(low[2 &* t.lowStride &+ k]), s2)
      s3 = _mm512_fmadd_ps(w, _mm512_set1_ps(low[3 &* t.lowStride &+ k]), s3)
      k &+= 1
    }
    _mm512_mask_storeu_ps(out, mask, s0)
    _mm512_mask_storeu_ps(out + t.outStride, mask, s1)
    _mm512_mask_storeu_ps(out + 2 &* t.outStride, mask, s2)
    _mm512_mask_storeu_ps(out + 3 &* t.outStride, mask, s3)
    token &+= 4
  }
  while token < t.tokenCount {
    let (out, low) = (t.out + token &* t.outStride + i, t.low + token &* t.lowStride)
    var sum = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, out), factors)
    var k = 0
    while k < t.rank {
      sum = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, b + 16 &* k), _mm512_set1_ps(low[k]), sum)
      k &+= 1
    }
    _mm512_mask_storeu_ps(out, mask, sum)
    token &+= 1
  }
}
