import CIntrinsics
import KingletQuants

// Float weights times float activations: dot products along the columns, 16 at a time, in register tiles of 8 rows by 3
// tokens. Columns are cut into equal runs of at most 1024, so that the rows of a tile stay in the first-level cache while
// tokens pass (which should fit the second-level one). A run of a dot product has one accumulator, filled in ascending
// order and summed by the same tree at its end (`LaneSums`), and runs are added in ascending order: a result does not
// depend on the tile it was computed in.
//
// Per 16 columns of a full tile: 11 loads, 24 FMA. A core of this kind makes two FMA a cycle but little more than one
// load, so tiles of fewer rows or tokens would wait for loads. F16 and BF16 weights are widened as they are loaded (8
// conversions a tile), so that decode reads two bytes a weight and no more.

/// How weights lie in memory.
private protocol FloatFormat {
  static var byteCount: Int { get }
  /// Sixteen weights, those outside the mask zero.
  static func load(_ weights: UnsafeRawPointer, _ mask: UInt16) -> Floats
}

private enum Singles: FloatFormat {
  @inline(__always) static var byteCount: Int { 4 }
  @inline(__always)
  static func load(_ weights: UnsafeRawPointer, _ mask: UInt16) -> Floats { _mm512_maskz_loadu_ps(mask, weights) }
}

private enum Halves: FloatFormat {
  @inline(__always) static var byteCount: Int { 2 }
  @inline(__always)
  static func load(_ weights: UnsafeRawPointer, _ mask: UInt16) -> Floats {
    _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, weights))
  }
}

private enum BrainFloats: FloatFormat {
  @inline(__always) static var byteCount: Int { 2 }
  @inline(__always)
  static func load(_ weights: UnsafeRawPointer, _ mask: UInt16) -> Floats {
    let bits = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, weights))
    return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16))
  }
}

/// Eight rows of weights, from one column on.
private struct EightRows<Format: FloatFormat> {
  let base: UnsafeRawPointer
  let rowByteCount: Int

  @inline(__always) init(_ base: UnsafeRawPointer, _ rowByteCount: Int) {
    self.base = base
    self.rowByteCount = rowByteCount
  }
  @inline(__always) func load(_ row: Int, _ mask: UInt16) -> Floats {
    Format.load(base + row &* rowByteCount, mask)
  }
}

/// The accumulators of eight rows for some tokens.
private protocol DotTile {
  init()
  static var width: Int { get }
  /// Whether the next rows are fetched while these columns pass: there are too few tokens to do it between tiles.
  static var fetchesAhead: Bool { get }
  mutating func add<Format>(_ w: EightRows<Format>, _ x: UnsafePointer<Float>, _ stride: Int, _ mask: UInt16)
  /// Writes the sums, or adds them to those of the columns before.
  func store(_ out: UnsafeMutablePointer<Float>, _ stride: Int, isFirst: Bool)
}

private struct EightDots {
  var r0, r1, r2, r3, r4, r5, r6, r7: Floats

  @inline(__always) init() {
    let zero = _mm512_setzero_ps()
    (r0, r1, r2, r3, r4, r5, r6, r7) = (zero, zero, zero, zero, zero, zero, zero, zero)
  }
  @inline(__always) func store(_ out: UnsafeMutablePointer<Float>, isFirst: Bool) {
    let sums = LaneSums.eight(r0, r1, r2, r3, r4, r5, r6, r7)
    _mm256_storeu_ps(out, isFirst ? sums : _mm256_add_ps(_mm256_loadu_ps(out), sums))
  }
}

private struct OneByEight: DotTile {
  var a = EightDots()
  @inline(__always) init() {}
  @inline(__always) static var width: Int { 1 }
  @inline(__always) static var fetchesAhead: Bool { true }
  @inline(__always)
  mutating func add<Format>(_ w: EightRows<Format>, _ x: UnsafePointer<Float>, _ stride: Int, _ mask: UInt16) {
    let x0 = _mm512_maskz_loadu_ps(mask, x)
    a.r0 = _mm512_fmadd_ps(w.load(0, mask), x0, a.r0)
    a.r1 = _mm512_fmadd_ps(w.load(1, mask), x0, a.r1)
    a.r2 = _mm512_fmadd_ps(w.load(2, mask), x0, a.r2)
    a.r3 = _mm512_fmadd_ps(w.load(3, mask), x0, a.r3)
    a.r4 = _mm512_fmadd_ps(w.load(4, mask), x0, a.r4)
    a.r5 = _mm512_fmadd_ps(w.load(5, mask), x0, a.r5)
    a.r6 = _mm512_fmadd_ps(w.load(6, mask), x0, a.r6)
    a.r7 = _mm512_fmadd_ps(w.load(7, mask), x0, a.r7)
  }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, _ stride: Int, isFirst: Bool) { a.store(out, isFirst: isFirst) }
}

private struct ThreeByEight: DotTile {
  var a = EightDots()
  var b = EightDots()
  var c = EightDots()
  @inline(__always) init() {}
  @inline(__always) static var width: Int { 3 }
  @inline(__always) static var fetchesAhead: Bool { false }
  @inline(__always)
  mutating func add<Format>(_ w: EightRows<Format>, _ x: UnsafePointer<Float>, _ stride: Int, _ mask: UInt16) {
    let x0 = _mm512_maskz_loadu_ps(mask, x)
    let x1 = _mm512_maskz_loadu_ps(mask, x + stride)
    let x2 = _mm512_maskz_loadu_ps(mask, x + 2 &* stride)
    add(w.load(0, mask), x0, x1, x2, &a.r0, &b.r0, &c.r0)
    add(w.load(1, mask), x0, x1, x2, &a.r1, &b.r1, &c.r1)
    add(w.load(2, mask), x0, x1, x2, &a.r2, &b.r2, &c.r2)
    add(w.load(3, mask), x0, x1, x2, &a.r3, &b.r3, &c.r3)
    add(w.load(4, mask), x0, x1, x2, &a.r4, &b.r4, &c.r4)
    add(w.load(5, mask), x0, x1, x2, &a.r5, &b.r5, &c.r5)
    add(w.load(6, mask), x0, x1, x2, &a.r6, &b.r6, &c.r6)
    add(w.load(7, mask), x0, x1, x2, &a.r7, &b.r7, &c.r7)
  }
  @inline(__always)
  private func add(
    _ w: Floats, _ x0: Floats, _ x1: Floats, _ x2: Floats, _ a: inout Floats, _ b: inout Floats, _ c: inout Floats
  ) {
    a = _mm512_fmadd_ps(w, x0, a)
    b = _mm512_fmadd_ps(w, x1, b)
    c = _mm512_fmadd_ps(w, x2, c)
  }
  @inline(__always)
  func store(_ out: UnsafeMutablePointer<Float>, _ stride: Int, isFirst: Bool) {
    a.store(out, isFirst: isFirst)
    b.store(out + stride, isFirst: isFirst)
    c.store(out + 2 &* stride, isFirst: isFirst)
  }
}

@inline(never)
func multiplyFloats512(
  _ weights: UnsafePointer<Float>, _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ xStride: Int,
  _ tokens: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int
) {
  multiply(Singles.self, weights, rows, columns, x, xStride, tokens, out, outStride)
}

@inline(never)
func multiplyHalves512(
  _ type: QuantType, _ weights: UnsafeRawPointer, _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>,
  _ xStride: Int, _ tokens: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int
) {
  if type == .f16 {
    multiply(Halves.self, weights, rows, columns, x, xStride, tokens, out, outStride)
  } else {
    multiply(BrainFloats.self, weights, rows, columns, x, xStride, tokens, out, outStride)
  }
}

/// Columns that a dot product takes in one run: a function of the matrix alone.
@inline(__always)
private func runLength(_ columns: Int) -> Int {
  let runs = max(1, (columns &+ 1023) / 1024)
  return (columns &+ runs &* 16 &- 1) / (runs &* 16) &* 16
}

@inline(__always)
private func multiply<Format: FloatFormat>(
  _ format: Format.Type, _ weights: UnsafeRawPointer, _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>,
  _ xStride: Int, _ tokens: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int
) {
  let rowByteCount = columns &* Format.byteCount
  let run = runLength(columns)
  var row = 0
  while row &+ 8 <= rows {
    // The next eight rows are fetched a slice at a time while tokens pass over these.
    var ahead = weights + (row &+ 8) &* rowByteCount
    var first = 0
    repeat {
      let count = min(run, columns &- first)
      let w = weights + (row &* rowByteCount &+ first &* Format.byteCount)
      var token = 0
      while token &+ 3 <= tokens {
        let slice = row &+ 16 <= rows ? 24 &* count &* Format.byteCount / tokens : 0
        prefetch(ahead, slice)
        ahead += slice
        multiplyTile(
          format, ThreeByEight.self, w, rowByteCount, count, x + (token &* xStride &+ first), xStride,
          out + (token &* outStride &+ row), outStride, isFirst: first == 0)
        token &+= 3
      }
      while token < tokens {
        multiplyTile(
          format, OneByEight.self, w, rowByteCount, count, x + (token &* xStride &+ first), xStride,
          out + (token &* outStride &+ row), outStride, isFirst: first == 0)
        token &+= 1
      }
      first &+= run
    } while first < columns
    row &+= 8
  }
  while row < rows {
    var token = 0
    while token < tokens {
      out[token &* outStride &+ row] = dot(format, weights + row &* rowByteCount, columns, x + token &* xStride)
      token &+= 1
    }
    row &+= 1
  }
}

@inline(__always)
private func multiplyTile<Format: FloatFormat, Tile: DotTile>(
  _: Format.Type, _: Tile.Type, _ weights: UnsafeRawPointer, _ rowByteCount: Int, _ columns: Int,
  _ x: UnsafePointer<Float>, _ xStride: Int, _ out: UnsafeMutablePointer<Float>, _ outStride: Int, isFirst: Bool
) {
  var tile = Tile()
  var (w, x, remaining) = (weights, x, columns)
  var ahead = w + 8 &* rowByteCount
  while remaining >= 16 {
    if Tile.fetchesAhead {
      prefetchRows(ahead, rowByteCount)
      ahead += 16 &* Format.byteCount
    }
    tile.add(EightRows<Format>(w, rowByteCount), x, xStride, 0xFFFF)
    w += 16 &* Format.byteCount
    x += 16
    remaining &-= 16
  }
  if remaining > 0 { tile.add(EightRows<Format>(w, rowByteCount), x, xStride, tailMask(remaining)) }
  tile.store(out, outStride, isFirst: isFirst)
}

@inline(__always)
private func prefetchRows(_ start: UnsafeRawPointer, _ rowByteCount: Int) {
  kinglet512_prefetch(start)
  kinglet512_prefetch(start + rowByteCount)
  kinglet512_prefetch(start + 2 &* rowByteCount)
  kinglet512_prefetch(start + 3 &* rowByteCount)
  kinglet512_prefetch(start + 4 &* rowByteCount)
  kinglet512_prefetch(start + 5 &* rowByteCount)
  kinglet512_prefetch(start + 6 &* rowByteCount)
  kinglet512_prefetch(start + 7 &* rowByteCount)
}

/// One row and one token.
@inline(__always)
private func dot<Format: FloatFormat>(
  _: Format.Type, _ weights: UnsafeRawPointer, _ columns: Int, _ x: UnsafePointer<Float>
) -> Float {
  let run = runLength(columns)
  var (w, x) = (weights, x)
  var (result, first): (Float, Int) = (0, 0)
  while first < columns {
    var remaining = min(run, columns &- first)
    var sum = _mm512_setzero_ps()
    while remaining >= 16 {
      sum = _mm512_fmadd_ps(Format.load(w, 0xFFFF), _mm512_loadu_ps(x), sum)
      w += 16 &* Format.byteCount
      x += 16
      remaining &-= 16
    }
    let tail = tailMask(remaining)
    if remaining > 0 { sum = _mm512_fmadd_ps(Format.load(w, tail), _mm512_maskz_loadu_ps(tail, x), sum) }
    result = first == 0 ? LaneSums.one(sum) : result + LaneSums.one(sum)
    first &+= run
  }
  return result
}
