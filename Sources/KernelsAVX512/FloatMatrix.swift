import CIntrinsics

// Float weights times float activations: dot products along the columns, 16 at a time, in register tiles of 4 rows by 4
// tokens. Every dot product has one accumulator, filled in ascending order and summed by the same tree at its end, so a
// result does not depend on the tile it was computed in. Per 16 columns of a full tile: 8 loads, 16 FMA.

/// Accumulators of one row of weights for some tokens.
private protocol DotGroup {
  init()
  static var width: Int { get }
  mutating func add(_ weights: Floats, _ x: UnsafePointer<Float>, _ stride: Int, _ mask: UInt16)
  func store(_ out: UnsafeMutablePointer<Float>, _ stride: Int)
}

private struct OneDot: DotGroup {
  var sum: Floats
  @inline(__always) init() { sum = _mm512_setzero_ps() }
  @inline(__always) static var width: Int { 1 }
  @inline(__always)
  mutating func add(_ weights: Floats, _ x: UnsafePointer<Float>, _ stride: Int, _ mask: UInt16) {
    sum = _mm512_fmadd_ps(weights, _mm512_maskz_loadu_ps(mask, x), sum)
  }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, _ stride: Int) { out.pointee = _mm512_reduce_add_ps(sum) }
}

private struct DotPair<Half: DotGroup>: DotGroup {
  var first: Half
  var second: Half
  @inline(__always) init() {
    first = Half()
    second = Half()
  }
  @inline(__always) static var width: Int { Half.width &* 2 }
  @inline(__always)
  mutating func add(_ weights: Floats, _ x: UnsafePointer<Float>, _ stride: Int, _ mask: UInt16) {
    first.add(weights, x, stride, mask)
    second.add(weights, x + Half.width &* stride, stride, mask)
  }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, _ stride: Int) {
    first.store(out, stride)
    second.store(out + Half.width &* stride, stride)
  }
}

@inline(never)
func multiplyFloats512(
  _ weights: UnsafePointer<Float>, _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ xStride: Int,
  _ tokens: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int
) {
  var token = 0
  while token &+ 4 <= tokens {
    let (x, out) = (x + token &* xStride, out + token &* outStride)
    multiplyTokens(DotPair<DotPair<OneDot>>.self, weights, rows, columns, x, xStride, out, outStride)
    token &+= 4
  }
  while token < tokens {
    let (x, out) = (x + token &* xStride, out + token &* outStride)
    multiplyTokens(OneDot.self, weights, rows, columns, x, xStride, out, outStride)
    token &+= 1
  }
}

@inline(__always)
private func multiplyTokens<Group: DotGroup>(
  _: Group.Type, _ weights: UnsafePointer<Float>, _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>,
  _ xStride: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int
) {
  let tail = UInt16(truncatingIfNeeded: (1 &<< (columns & 15)) &- 1)
  let whole = columns & ~15
  var row = 0
  while row &+ 4 <= rows {
    let w = weights + row &* columns
    var (r0, r1, r2, r3) = (Group(), Group(), Group(), Group())
    var c = 0
    while c < whole {
      r0.add(_mm512_loadu_ps(w + c), x + c, xStride, 0xFFFF)
      r1.add(_mm512_loadu_ps(w + columns + c), x + c, xStride, 0xFFFF)
      r2.add(_mm512_loadu_ps(w + columns &* 2 + c), x + c, xStride, 0xFFFF)
      r3.add(_mm512_loadu_ps(w + columns &* 3 + c), x + c, xStride, 0xFFFF)
      c &+= 16
    }
    if tail != 0 {
      r0.add(_mm512_maskz_loadu_ps(tail, w + c), x + c, xStride, tail)
      r1.add(_mm512_maskz_loadu_ps(tail, w + columns + c), x + c, xStride, tail)
      r2.add(_mm512_maskz_loadu_ps(tail, w + columns &* 2 + c), x + c, xStride, tail)
      r3.add(_mm512_maskz_loadu_ps(tail, w + columns &* 3 + c), x + c, xStride, tail)
    }
    r0.store(out + row, outStride)
    r1.store(out + row + 1, outStride)
    r2.store(out + row + 2, outStride)
    r3.store(out + row + 3, outStride)
    row &+= 4
  }
  while row < rows {
    let w = weights + row &* columns
    var sums = Group()
    var c = 0
    while c < whole {
      sums.add(_mm512_loadu_ps(w + c), x + c, xStride, 0xFFFF)
      c &+= 16
    }
    if tail != 0 { sums.add(_mm512_maskz_loadu_ps(tail, w + c), x + c, xStride, tail) }
    sums.store(out + row, outStride)
    row &+= 1
  }
}
