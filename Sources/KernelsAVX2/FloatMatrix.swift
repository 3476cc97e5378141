import CIntrinsics

// Float weights times float activations: dot products along the columns, 8 at a time, in register tiles of 4 rows by 3
// tokens. Every dot product has one accumulator, filled in ascending order and summed by the same tree at its end, so a
// result does not depend on the tile it was computed in. Per 8 columns of a full tile: 7 loads, 12 FMA, 16 registers.

/// Accumulators of one row of weights for some tokens.
private protocol DotGroup {
  init()
  static var width: Int { get }
  mutating func add(_ weights: Floats, _ x: UnsafePointer<Float>, _ stride: Int, _ columns: Slice)
  func store(_ out: UnsafeMutablePointer<Float>, _ stride: Int)
}

private struct OneDot: DotGroup {
  var sum: Floats
  @inline(__always) init() { sum = _mm256_setzero_ps() }
  @inline(__always) static var width: Int { 1 }
  @inline(__always)
  mutating func add(_ weights: Floats, _ x: UnsafePointer<Float>, _ stride: Int, _ columns: Slice) {
    sum = _mm256_fmadd_ps(weights, columns.load(x), sum)
  }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, _ stride: Int) { out.pointee = sumOfLanes(sum) }
}

private struct DotPair<A: DotGroup, B: DotGroup>: DotGroup {
  var first: A
  var second: B
  @inline(__always) init() {
    first = A()
    second = B()
  }
  @inline(__always) static var width: Int { A.width &+ B.width }
  @inline(__always)
  mutating func add(_ weights: Floats, _ x: UnsafePointer<Float>, _ stride: Int, _ columns: Slice) {
    first.add(weights, x, stride, columns)
    second.add(weights, x + A.width &* stride, stride, columns)
  }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, _ stride: Int) {
    first.store(out, stride)
    second.store(out + A.width &* stride, stride)
  }
}

private typealias ThreeDots = DotPair<DotPair<OneDot, OneDot>, OneDot>

@inline(never)
func multiplyFloats256(
  _ weights: UnsafePointer<Float>, _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ xStride: Int,
  _ tokens: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int
) {
  var token = 0
  while token &+ 3 <= tokens {
    let (x, out) = (x + token &* xStride, out + token &* outStride)
    multiplyTokens(ThreeDots.self, weights, rows, columns, x, xStride, out, outStride)
    token &+= 3
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
  var row = 0
  while row &+ 4 <= rows {
    let w = weights + row &* columns
    var (r0, r1, r2, r3) = (Group(), Group(), Group(), Group())
    forEachSlice(columns) { slice in
      r0.add(slice.load(w), x, xStride, slice)
      r1.add(slice.load(w + columns), x, xStride, slice)
      r2.add(slice.load(w + columns &* 2), x, xStride, slice)
      r3.add(slice.load(w + columns &* 3), x, xStride, slice)
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
    forEachSlice(columns) { slice in sums.add(slice.load(w), x, xStride, slice) }
    sums.store(out + row, outStride)
    row &+= 1
  }
}
