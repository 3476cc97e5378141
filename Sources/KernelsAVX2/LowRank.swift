import CIntrinsics
import KingletKernels

// Low-rank updates. Projections take four rows of A by a token: per eight columns 5 loads and 4 FMA, sums across lanes at
// the end of the rows. Additions take eight rows by a token: per rank a load of B, a broadcast and an FMA.

@inline(never)
func projectLowRank256(_ p: LowRankProjection) {
  var token = 0
  while token < p.tokenCount {
    let (x, out) = (p.x + token &* p.xStride, p.out + token &* p.outStride)
    var row = 0
    while row &+ 4 <= p.rank {
      let a = p.a + row &* p.aStride
      var (s0, s1) = (_mm256_setzero_ps(), _mm256_setzero_ps())
      var (s2, s3) = (_mm256_setzero_ps(), _mm256_setzero_ps())
      forEachSlice(p.columns) { slice in
        let values = slice.load(x)
        s0 = _mm256_fmadd_ps(slice.load(a), values, s0)
        s1 = _mm256_fmadd_ps(slice.load(a + p.aStride), values, s1)
        s2 = _mm256_fmadd_ps(slice.load(a + 2 &* p.aStride), values, s2)
        s3 = _mm256_fmadd_ps(slice.load(a + 3 &* p.aStride), values, s3)
      }
      out[row] = p.strength * sumOfLanes(s0)
      out[row &+ 1] = p.strength * sumOfLanes(s1)
      out[row &+ 2] = p.strength * sumOfLanes(s2)
      out[row &+ 3] = p.strength * sumOfLanes(s3)
      row &+= 4
    }
    while row < p.rank {
      let a = p.a + row &* p.aStride
      var sum = _mm256_setzero_ps()
      forEachSlice(p.columns) { slice in sum = _mm256_fmadd_ps(slice.load(a), slice.load(x), sum) }
      out[row] = p.strength * sumOfLanes(sum)
      row &+= 1
    }
    token &+= 1
  }
}

@inline(never)
func addLowRank256(_ t: LowRankAddition) {
  var i = 0
  while i < t.rowCount {
    let row = t.firstRow &+ i
    let lane = row & 15
    let count = min(8, min(16 &- lane, t.rowCount &- i))
    let slice = Slice(offset: 0, isWhole: count == 8, mask: firstLanes(count))
    let b = t.b + (row &- lane) &* t.rank + lane
    let factors = t.factors.map { slice.load($0 + i) } ?? _mm256_set1_ps(1)
    var token = 0
    while token < t.tokenCount {
      let (out, low) = (t.out + token &* t.outStride + i, t.low + token &* t.lowStride)
      var sum = _mm256_mul_ps(slice.load(out), factors)
      var k = 0
      while k < t.rank {
        sum = _mm256_fmadd_ps(slice.load(b + 16 &* k), _mm256_set1_ps(low[k]), sum)
        k &+= 1
      }
      slice.store(out, sum)
      token &+= 1
    }
    i &+= count
  }
}
