import CIntrinsics
import KingletKernels

// Low-rank updates. Projections take four rows of A by a token: per eight columns 5 loads and 4 FMA, sums across lanes at
// the end of the rows. Additions take eight rows by a token: per rank a load of B, a broadcast and an FMA. Halves are
// widened as they are loaded (`vcvtph2ps`).

/// How eight numbers of a factor are loaded.
private protocol Factor {
  static var byteCount: Int { get }
  static func load(_ factor: UnsafeRawPointer, _ index: Int) -> Floats
}

private enum SingleFactor: Factor {
  @inline(__always) static var byteCount: Int { 4 }
  @inline(__always) static func load(_ factor: UnsafeRawPointer, _ index: Int) -> Floats {
    _mm256_loadu_ps((factor + index &* 4).assumingMemoryBound(to: Float.self))
  }
}

private enum HalfFactor: Factor {
  @inline(__always) static var byteCount: Int { 2 }
  @inline(__always) static func load(_ factor: UnsafeRawPointer, _ index: Int) -> Floats {
    loadHalves(factor, index &* 2)
  }
}

@inline(never)
func projectLowRank256(_ p: LowRankProjection) {
  if p.precision == .half { project(p, HalfFactor.self) } else { project(p, SingleFactor.self) }
}

@inline(__always)
private func project<F: Factor>(_ p: LowRankProjection, _ factor: F.Type) {
  let panelByteCount = (p.columns &+ 15) / 16 &* 64 &* F.byteCount
  var row = 0
  var panel = p.a
  while row < p.rank {
    var token = 0
    while token < p.tokenCount {
      let (x, out) = (p.x + token &* p.xStride, p.out + token &* p.outStride + row)
      var (s0, s1) = (_mm256_setzero_ps(), _mm256_setzero_ps())
      var (s2, s3) = (_mm256_setzero_ps(), _mm256_setzero_ps())
      forEachSlice(p.columns) { slice in
        let values = slice.load(x)
        // The sixteen columns that the slice is a half of.
        let first = (slice.offset & ~15) &* 4 &+ (slice.offset & 15)
        s0 = _mm256_fmadd_ps(F.load(panel, first), values, s0)
        s1 = _mm256_fmadd_ps(F.load(panel, first &+ 16), values, s1)
        s2 = _mm256_fmadd_ps(F.load(panel, first &+ 32), values, s2)
        s3 = _mm256_fmadd_ps(F.load(panel, first &+ 48), values, s3)
      }
      let count = p.rank &- row
      out[0] = p.strength * sumOfLanes(s0)
      if count > 1 { out[1] = p.strength * sumOfLanes(s1) }
      if count > 2 { out[2] = p.strength * sumOfLanes(s2) }
      if count > 3 { out[3] = p.strength * sumOfLanes(s3) }
      token &+= 1
    }
    row &+= 4
    panel += panelByteCount
  }
}

@inline(never)
func addLowRank256(_ t: LowRankAddition) {
  if t.precision == .half { add(t, HalfFactor.self) } else { add(t, SingleFactor.self) }
}

@inline(__always)
private func add<F: Factor>(_ t: LowRankAddition, _ factor: F.Type) {
  var i = 0
  while i < t.rowCount {
    let row = t.firstRow &+ i
    let lane = row & 15
    let count = min(8, min(16 &- lane, t.rowCount &- i))
    let slice = Slice(offset: 0, isWhole: count == 8, mask: firstLanes(count))
    // Lanes that are left out hold what lies behind a panel's rows, and are not stored.
    let b = t.b + ((row &- lane) &* t.rank + lane) &* F.byteCount
    let factors = t.factors.map { slice.load($0 + i) } ?? _mm256_set1_ps(1)
    var token = 0
    while token < t.tokenCount {
      let (out, low) = (t.out + token &* t.outStride + i, t.low + token &* t.lowStride)
      var sum = _mm256_mul_ps(slice.load(out), factors)
      var k = 0
      while k < t.rank {
        sum = _mm256_fmadd_ps(F.load(b, 16 &* k), _mm256_set1_ps(low[k]), sum)
        k &+= 1
      }
      slice.store(out, sum)
      token &+= 1
    }
    i &+= count
  }
}
