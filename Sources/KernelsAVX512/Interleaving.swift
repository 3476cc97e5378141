import CIntrinsics
import KingletKernels

/// Puts tokens side by side. A tile of eight is a transposition of 8 rows by 16 columns at a time: within the four
/// 128-bit lanes of a vector first (8 + 8 unpackings), which leaves lane L of vector j with column 4 L + j of four
/// tokens, then the lanes of both halves of the tile side by side (8 permutations), 40 instructions with the stores where
/// one number at a time takes 256. So is one of sixteen, a block of keys, with 32 permutations.
@inline(never)
func interleave512(
  _ x: UnsafePointer<Float>, _ xStride: Int, _ columns: Int, _ tile: UnsafeMutablePointer<Float>, _ width: Int
) {
  var column = 0
  if width == 8 {
    while column &+ 16 <= columns {
      transposeBlock(x + column, xStride, tile + column &* 8)
      column &+= 16
    }
  }
  if width == 16 {
    while column &+ 16 <= columns {
      transposeSquare(x + column, xStride, tile + column &* 16)
      column &+= 16
    }
  }
  while column < columns {
    var token = 0
    while token < width {
      tile[column &* width &+ token] = x[token &* xStride &+ column]
      token &+= 1
    }
    column &+= 1
  }
}

@inline(__always)
private func transposeBlock(_ x: UnsafePointer<Float>, _ stride: Int, _ out: UnsafeMutablePointer<Float>) {
  let a = TokenQuad(x, stride)
  let b = TokenQuad(x + 4 &* stride, stride)
  storePairs(a.first, b.first, out)
  storePairs(a.second, b.second, out + 8)
  storePairs(a.third, b.third, out + 16)
  storePairs(a.fourth, b.fourth, out + 24)
}

/// Sixteen tokens by sixteen columns.
@inline(__always)
private func transposeSquare(_ x: UnsafePointer<Float>, _ stride: Int, _ out: UnsafeMutablePointer<Float>) {
  let (a, b) = (TokenQuad(x, stride), TokenQuad(x + 4 &* stride, stride))
  let (c, d) = (TokenQuad(x + 8 &* stride, stride), TokenQuad(x + 12 &* stride, stride))
  storeLanes(a.first, b.first, c.first, d.first, out)
  storeLanes(a.second, b.second, c.second, d.second, out + 16)
  storeLanes(a.third, b.third, c.third, d.third, out + 32)
  storeLanes(a.fourth, b.fourth, c.fourth, d.fourth, out + 48)
}

/// Stores lanes L of four vectors, a column of sixteen tokens, 4 L columns further on.
@inline(__always)
private func storeLanes(_ a: Floats, _ b: Floats, _ c: Floats, _ d: Floats, _ out: UnsafeMutablePointer<Float>) {
  let lower = _mm512_set_epi32(23, 22, 21, 20, 7, 6, 5, 4, 19, 18, 17, 16, 3, 2, 1, 0)
  let upper = _mm512_set_epi32(31, 30, 29, 28, 15, 14, 13, 12, 27, 26, 25, 24, 11, 10, 9, 8)
  let halves = _mm512_set_epi32(23, 22, 21, 20, 19, 18, 17, 16, 7, 6, 5, 4, 3, 2, 1, 0)
  let otherHalves = _mm512_set_epi32(31, 30, 29, 28, 27, 26, 25, 24, 15, 14, 13, 12, 11, 10, 9, 8)
  let (lowAB, lowCD) = (_mm512_permutex2var_ps(a, lower, b), _mm512_permutex2var_ps(c, lower, d))
  let (highAB, highCD) = (_mm512_permutex2var_ps(a, upper, b), _mm512_permutex2var_ps(c, upper, d))
  _mm512_storeu_ps(out, _mm512_permutex2var_ps(lowAB, halves, lowCD))
  _mm512_storeu_ps(out + 64, _mm512_permutex2var_ps(lowAB, otherHalves, lowCD))
  _mm512_storeu_ps(out + 128, _mm512_permutex2var_ps(highAB, halves, highCD))
  _mm512_storeu_ps(out + 192, _mm512_permutex2var_ps(highAB, otherHalves, highCD))
}

/// Sixteen columns of four tokens: lane L of the vectors holds columns 4 L to 4 L + 3, one in each.
private struct TokenQuad {
  let first: Floats
  let second: Floats
  let third: Floats
  let fourth: Floats

  @inline(__always)
  init(_ x: UnsafePointer<Float>, _ stride: Int) {
    let (a, b) = (_mm512_loadu_ps(x), _mm512_loadu_ps(x + stride))
    let (c, d) = (_mm512_loadu_ps(x + 2 &* stride), _mm512_loadu_ps(x + 3 &* stride))
    let (lowAB, lowCD) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d))
    let (highAB, highCD) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d))
    first = kinglet512_lowPairs(lowAB, lowCD)
    second = kinglet512_highPairs(lowAB, lowCD)
    third = kinglet512_lowPairs(highAB, highCD)
    fourth = kinglet512_highPairs(highAB, highCD)
  }
}

/// Stores lanes L of both vectors, a column of eight tokens, 4 L columns further on.
@inline(__always)
private func storePairs(_ a: Floats, _ b: Floats, _ out: UnsafeMutablePointer<Float>) {
  let low = _mm512_permutex2var_ps(
    a, _mm512_set_epi32(23, 22, 21, 20, 7, 6, 5, 4, 19, 18, 17, 16, 3, 2, 1, 0), b)
  let high = _mm512_permutex2var_ps(
    a, _mm512_set_epi32(31, 30, 29, 28, 15, 14, 13, 12, 27, 26, 25, 24, 11, 10, 9, 8), b)
  // The upper half of a vector goes 32 floats on from the lower: a masked store begins 24 on, and skips eight.
  _mm512_mask_storeu_ps(out, 0x00FF, low)
  _mm512_mask_storeu_ps(out + 24, 0xFF00, low)
  _mm512_mask_storeu_ps(out + 64, 0x00FF, high)
  _mm512_mask_storeu_ps(out + 88, 0xFF00, high)
}
