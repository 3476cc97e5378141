import CIntrinsics
import KingletKernels

// What a core can do at most: 64 bytes a load, 64 products of bytes an instruction.

extension ProbeKernels {
  static let avx512 = ProbeKernels(
    read: read512, multiplyBytes: ByteProducts(operationsPerRound: 10 * 64 * 2, run: multiplyBytes512))
}

/// Reads four quarters side by side. A processor fetches ahead within a page of 4 kB only: the four keep the memory
/// busy while one of them enters its next page (measured: 27 GB/s where one stream reaches 22).
@inline(never)
private func read512(_ bytes: UnsafeRawPointer, _ byteCount: Int) -> UInt64 {
  let quarter = byteCount / 256 &* 64
  let zero = _mm512_setzero_si512()
  var (a, b, c, d) = (zero, zero, zero, zero)
  var offset = 0
  while offset < quarter {
    let p = bytes + offset
    a = _mm512_xor_si512(a, _mm512_loadu_si512(p))
    b = _mm512_xor_si512(b, _mm512_loadu_si512(p + quarter))
    c = _mm512_xor_si512(c, _mm512_loadu_si512(p + quarter &* 2))
    d = _mm512_xor_si512(d, _mm512_loadu_si512(p + quarter &* 3))
    offset &+= 64
  }
  offset = quarter &* 4
  while offset < byteCount {
    a = _mm512_xor_si512(a, _mm512_loadu_si512(bytes + offset))
    offset &+= 64
  }
  let all = _mm512_xor_si512(_mm512_xor_si512(a, b), _mm512_xor_si512(c, d))
  return UInt64(bitPattern: _mm512_reduce_add_epi64(all))
}

/// Ten sums: an instruction takes five cycles, and two begin in a cycle at most.
@inline(never)
private func multiplyBytes512(_ rounds: Int) -> UInt64 {
  let x = _mm512_set1_epi8(3)
  let y = _mm512_set1_epi8(-1)
  let zero = _mm512_setzero_si512()
  var (a, b, c, d, e) = (zero, zero, zero, zero, zero)
  var (f, g, h, i, j) = (zero, zero, zero, zero, zero)
  var round = 0
  while round < rounds {
    a = _mm512_dpbusd_epi32(a, x, y)
    b = _mm512_dpbusd_epi32(b, x, y)
    c = _mm512_dpbusd_epi32(c, x, y)
    d = _mm512_dpbusd_epi32(d, x, y)
    e = _mm512_dpbusd_epi32(e, x, y)
    f = _mm512_dpbusd_epi32(f, x, y)
    g = _mm512_dpbusd_epi32(g, x, y)
    h = _mm512_dpbusd_epi32(h, x, y)
    i = _mm512_dpbusd_epi32(i, x, y)
    j = _mm512_dpbusd_epi32(j, x, y)
    round &+= 1
  }
  let first = _mm512_add_epi32(_mm512_add_epi32(a, b), _mm512_add_epi32(c, d))
  let second = _mm512_add_epi32(_mm512_add_epi32(e, f), _mm512_add_epi32(g, h))
  let third = _mm512_add_epi32(_mm512_add_epi32(i, j), first)
  return UInt64(truncatingIfNeeded: _mm512_reduce_add_epi32(_mm512_add_epi32(second, third)))
}
