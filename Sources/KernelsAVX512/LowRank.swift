import CIntrinsics
import KingletKernels

// Low-rank updates. Projections take four rows of A by four tokens: per sixteen columns 8 loads and 16 FMA, sums across
// lanes at the end of the rows. A single token is bound by memory: one stream, fetched a page ahead. Additions keep
// 32 rows of eight ranks of B in 16 registers, through which all tokens go: per token 2 loads and 2 stores of products, 8
// broadcasts, 16 FMA. Halves are widened as they are loaded (`vcvtph2ps`, two instructions of the processor for sixteen
// numbers).

/// How sixteen numbers of a factor are loaded.
private protocol Factor {
  static var byteCount: Int { get }
  static func load(_ factor: UnsafeRawPointer, _ index: Int) -> Floats
}

private enum SingleFactor: Factor {
  @inline(__always) static var byteCount: Int { 4 }
  @inline(__always) static func load(_ factor: UnsafeRawPointer, _ index: Int) -> Floats {
    loadFloats(factor, index &* 4)
  }
}

private enum HalfFactor: Factor {
  @inline(__always) static var byteCount: Int { 2 }
  @inline(__always) static func load(_ factor: UnsafeRawPointer, _ index: Int) -> Floats {
    loadHalves(factor, index &* 2)
  }
}

/// Sums of the four rows of a panel of A.
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
  mutating func load<F: Factor>(_ factor: F.Type, _ panel: UnsafeRawPointer, _ column: Int) {
    s0 = F.load(panel, 4 &* column)
    s1 = F.load(panel, 4 &* column &+ 16)
    s2 = F.load(panel, 4 &* column &+ 32)
    s3 = F.load(panel, 4 &* column &+ 48)
  }

  /// Of the first `count` rows.
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, _ count: Int, times strength: Float) {
    out[0] = strength * _mm512_reduce_add_ps(s0)
    if count > 1 { out[1] = strength * _mm512_reduce_add_ps(s1) }
    if count > 2 { out[2] = strength * _mm512_reduce_add_ps(s2) }
    if count > 3 { out[3] = strength * _mm512_reduce_add_ps(s3) }
  }
}

@inline(never)
func projectLowRank512(_ p: LowRankProjection) {
  if p.precision == .half { project(p, HalfFactor.self) } else { project(p, SingleFactor.self) }
}

@inline(__always)
private func project<F: Factor>(_ p: LowRankProjection, _ factor: F.Type) {
  let panelByteCount = (p.columns &+ 15) / 16 &* 64 &* F.byteCount
  var row = 0
  var panel = p.a
  while row < p.rank {
    let count = min(4, p.rank &- row)
    var token = 0
    while token &+ 4 <= p.tokenCount {
      let (x, out) = (p.x + token &* p.xStride, p.out + token &* p.outStride + row)
      var (t0, t1, t2, t3) = (FourRows(), FourRows(), FourRows(), FourRows())
      var w = FourRows()
      forEachVector(p.columns) { i, mask in
        w.load(F.self, panel, i)
        t0.add(w, _mm512_maskz_loadu_ps(mask, x + i))
        t1.add(w, _mm512_maskz_loadu_ps(mask, x + p.xStride + i))
        t2.add(w, _mm512_maskz_loadu_ps(mask, x + 2 &* p.xStride + i))
        t3.add(w, _mm512_maskz_loadu_ps(mask, x + 3 &* p.xStride + i))
      }
      t0.store(out, count, times: p.strength)
      t1.store(out + p.outStride, count, times: p.strength)
      t2.store(out + 2 &* p.outStride, count, times: p.strength)
      t3.store(out + 3 &* p.outStride, count, times: p.strength)
      token &+= 4
    }
    while token < p.tokenCount {
      let (x, out) = (p.x + token &* p.xStride, p.out + token &* p.outStride + row)
      var (sums, w) = (FourRows(), FourRows())
      forEachVector(p.columns) { i, mask in
        w.load(F.self, panel, i)
        let ahead = panel + (4 &* i &* F.byteCount &+ 4096)
        kinglet512_prefetch(ahead)
        kinglet512_prefetch(ahead + 64)
        if F.byteCount == 4 {
          kinglet512_prefetch(ahead + 128)
          kinglet512_prefetch(ahead + 192)
        }
        sums.add(w, _mm512_maskz_loadu_ps(mask, x + i))
      }
      sums.store(out, count, times: p.strength)
      token &+= 1
    }
    row &+= 4
    panel += panelByteCount
  }
}

@inline(never)
func addLowRank512(_ t: LowRankAddition) {
  if t.precision == .half { add(t, HalfFactor.self) } else { add(t, SingleFactor.self) }
}

@inline(__always)
private func add<F: Factor>(_ t: LowRankAddition, _ factor: F.Type) {
  var i = 0
  if t.factors == nil, t.firstRow & 15 == 0 { i = addPanelPairs(t, F.self) }
  while i < t.rowCount {
    let row = t.firstRow &+ i
    let lane = row & 15
    let count = min(16 &- lane, t.rowCount &- i)
    addPanel(t, i, t.b + ((row &- lane) &* t.rank + lane) &* F.byteCount, tailMask(count), F.self)
    i &+= count
  }
}

/// Eight ranks of a panel of B.
private struct EightRanks {
  let (b0, b1, b2, b3, b4, b5, b6, b7): (Floats, Floats, Floats, Floats, Floats, Floats, Floats, Floats)

  @inline(__always)
  init<F: Factor>(_ b: UnsafeRawPointer, _ factor: F.Type) {
    (b0, b1, b2, b3) = (F.load(b, 0), F.load(b, 16), F.load(b, 32), F.load(b, 48))
    (b4, b5, b6, b7) = (F.load(b, 64), F.load(b, 80), F.load(b, 96), F.load(b, 112))
  }
}

/// Two panels at once; returns how many rows that were.
@inline(__always)
private func addPanelPairs<F: Factor>(_ t: LowRankAddition, _ factor: F.Type) -> Int {
  let panelByteCount = t.rank &* 16 &* F.byteCount
  var b = t.b + t.firstRow &* t.rank &* F.byteCount
  var i = 0
  while i &+ 32 <= t.rowCount {
    var k = 0
    while k &+ 8 <= t.rank {
      let ranks = b + k &* 16 &* F.byteCount
      let (p, q) = (EightRanks(ranks, F.self), EightRanks(ranks + panelByteCount, F.self))
      forEachToken(t, i, k) { low, s0, s1 in
        add(p.b0, q.b0, low[0], &s0, &s1)
        add(p.b1, q.b1, low[1], &s0, &s1)
        add(p.b2, q.b2, low[2], &s0, &s1)
        add(p.b3, q.b3, low[3], &s0, &s1)
        add(p.b4, q.b4, low[4], &s0, &s1)
        add(p.b5, q.b5, low[5], &s0, &s1)
        add(p.b6, q.b6, low[6], &s0, &s1)
        add(p.b7, q.b7, low[7], &s0, &s1)
      }
      k &+= 8
    }
    if k < t.rank {
      forEachToken(t, i, k) { low, s0, s1 in
        var rest = k
        while rest < t.rank {
          let ranks = b + rest &* 16 &* F.byteCount
          add(F.load(ranks, 0), F.load(ranks + panelByteCount, 0), low[rest &- k], &s0, &s1)
          rest &+= 1
        }
      }
    }
    b += 2 &* panelByteCount
    i &+= 32
  }
  return i
}

/// Calls `body` with A x of each token from rank `k` on, and its products of 32 rows from `i` on.
@inline(__always)
private func forEachToken(
  _ t: LowRankAddition, _ i: Int, _ k: Int, _ body: (UnsafePointer<Float>, inout Floats, inout Floats) -> Void
) {
  var (out, low) = (t.out + i, t.low + k)
  var token = 0
  while token < t.tokenCount {
    var (s0, s1) = (_mm512_loadu_ps(out), _mm512_loadu_ps(out + 16))
    body(low, &s0, &s1)
    _mm512_storeu_ps(out, s0)
    _mm512_storeu_ps(out + 16, s1)
    out += t.outStride
    low += t.lowStride
    token &+= 1
  }
}

@inline(__always)
private func add(_ p: Floats, _ q: Floats, _ low: Float, _ s0: inout Floats, _ s1: inout Floats) {
  let x = _mm512_set1_ps(low)
  s0 = _mm512_fmadd_ps(p, x, s0)
  s1 = _mm512_fmadd_ps(q, x, s1)
}

/// Rows of one panel. Lanes that the mask leaves out hold what lies behind it, and are not stored.
@inline(__always)
private func addPanel<F: Factor>(_ t: LowRankAddition, _ i: Int, _ b: UnsafeRawPointer, _ mask: UInt16, _: F.Type) {
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
      let w = F.load(b, 16 &* k)
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
      sum = _mm512_fmadd_ps(F.load(b, 16 &* k), _mm512_set1_ps(low[k]), sum)
      k &+= 1
    }
    _mm512_mask_storeu_ps(out, mask, sum)
    token &+= 1
  }
}
