import CIntrinsics

// Prefill: many tokens meet the same weights, so the weights are unpacked once, to bytes, and a register tile of 32 rows
// (two panels) by 4 tokens runs over them.
//
// Why two panels: a core of this kind starts two vpdpbusd a cycle but little more than one vector load (measured: 690
// Gop/s from registers, 400 when each instruction broadcasts its own four activations from memory, 660 when two share a
// broadcast). Here each broadcast meets two panels.
//
// What is unpacked at a time is a run of parts of 32 columns, `unpackedColumns` at most, so that it stays in the
// first-level cache beside a tile of tokens. A part:
//
//      0             512           1024        1152        1280         1408         1536
//      | w 0 … w 7   | w 0 … w 7   | scale x 2 | scale x 2 | offset x 2 | offset x 2 |
//      | panel A     | panel B     | A, B      | A, B      | A, B       | A, B       |
//
// wN: as in `Weights32`. The second scale and offset are those of the last 16 columns, where a type has such.
//
// Per 32 columns of 32 rows and 4 tokens: 64 vpdpbusd, 32 FMA, and 68 loads. A run of
// columns leaves its sums in `out`, where the next run finds them: the operations on a sum, and their order, are those
// of `OneToken`, bit for bit. Meanwhile the next run of weights is asked for, a share with each tile: unpacking them
// was half waiting for memory (5 to 11 % of a prompt's time).

/// Columns unpacked at a time: 20 parts, 30 KB.
let unpackedColumns = 640

let partByteCount = 1536

/// Bytes of the parts unpacked at a time.
var unpackedByteCount: Int { unpackedColumns / 32 * partByteCount }

/// Stands in for a group of tokens: what a format would add to their sums is written down as parts instead.
struct PartWriter: TokenGroup {
  /// No tokens: a format walks the records of its block without looking at them.
  @inline(__always) static var width: Int { 0 }
  private var weights: UnsafeMutableRawPointer
  private var factors: UnsafeMutableRawPointer

  /// - Parameter slot: 0 for the first panel, 1 for the second.
  @inline(__always) init(_ parts: UnsafeMutableRawPointer, slot: Int) {
    weights = parts + slot &* 512
    factors = parts + 1024 + slot &* 64
  }

  @inline(__always)
  mutating func addAffine(_ w: Weights32, scale: Floats, offset: Floats, _: Record) {
    write(HalfWeights(w0: w.w0, w1: w.w1, w2: w.w2, w3: w.w3), half: 0, scale: scale, offset: offset)
    write(HalfWeights(w0: w.w4, w1: w.w5, w2: w.w6, w3: w.w7), half: 1, scale: scale, offset: offset)
  }

  @inline(__always)
  mutating func addAffine(_ w: HalfWeights, scale: Floats, offset: Floats, _ r: Record) {
    write(w, half: r.half, scale: scale, offset: offset)
  }

  @inline(__always)
  mutating func addCentred(_ w: HalfWeights, scale: Floats, minusZero: Int16, _ r: Record) {
    write(w, half: r.half, scale: scale, offset: nil)
  }

  @inline(__always)
  private mutating func write(_ w: HalfWeights, half: Int, scale: Floats, offset: Floats?) {
    let place = weights + half &* 256
    _mm512_store_si512(place, w.w0)
    _mm512_store_si512(place + 64, w.w1)
    _mm512_store_si512(place + 128, w.w2)
    _mm512_store_si512(place + 192, w.w3)
    _mm512_store_ps(factors + half &* 128, scale)
    if let offset { _mm512_store_ps(factors + 256 + half &* 128, offset) }
    if half == 1 {
      weights += partByteCount
      factors += partByteCount
    }
  }
}

/// 16 columns of both panels: half of a part's weights, in registers.
private struct Weights16 {
  let a0: Integers
  let a1: Integers
  let a2: Integers
  let a3: Integers
  let b0: Integers
  let b1: Integers
  let b2: Integers
  let b3: Integers

  @inline(__always) init(_ part: UnsafeRawPointer, half: Int) {
    let first = half &* 256
    a0 = loadInt8s(part, first)
    a1 = loadInt8s(part, first &+ 64)
    a2 = loadInt8s(part, first &+ 128)
    a3 = loadInt8s(part, first &+ 192)
    b0 = loadInt8s(part, first &+ 512)
    b1 = loadInt8s(part, first &+ 576)
    b2 = loadInt8s(part, first &+ 640)
    b3 = loadInt8s(part, first &+ 704)
  }

  /// The products with 16 activations on top of `start`, which begins at `integerBase`: as the bits of floats.
  @inline(__always) func dot(_ start: Integers, _ record: UnsafeRawPointer, _ offset: Int) -> Both {
    let x0 = broadcastInt32(record, offset)
    var a = _mm512_dpbusd_epi32(start, a0, x0)
    var b = _mm512_dpbusd_epi32(start, b0, x0)
    let x1 = broadcastInt32(record, offset &+ 4)
    a = _mm512_dpbusd_epi32(a, a1, x1)
    b = _mm512_dpbusd_epi32(b, b1, x1)
    let x2 = broadcastInt32(record, offset &+ 8)
    a = _mm512_dpbusd_epi32(a, a2, x2)
    b = _mm512_dpbusd_epi32(b, b2, x2)
    let x3 = broadcastInt32(record, offset &+ 12)
    a = _mm512_dpbusd_epi32(a, a3, x3)
    b = _mm512_dpbusd_epi32(b, b3, x3)
    return Both(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b))
  }
}

/// A number for each row of both panels.
struct Both {
  var a: Floats
  var b: Floats

  @inline(__always) init(_ a: Floats, _ b: Floats) {
    self.a = a
    self.b = b
  }
  /// `self * factor + shift`
  @inline(__always) func times(_ factor: Floats, plus shift: Floats) -> Both {
    Both(_mm512_fmadd_ps(a, factor, shift), _mm512_fmadd_ps(b, factor, shift))
  }
  /// `self * factor + sum`
  @inline(__always) func times(_ factor: Floats, plus sum: Both) -> Both {
    Both(_mm512_fmadd_ps(a, factor, sum.a), _mm512_fmadd_ps(b, factor, sum.b))
  }
  /// `self * factors + sum`, row by row.
  @inline(__always) func times(_ factors: Both, plus sum: Both) -> Both {
    Both(_mm512_fmadd_ps(a, factors.a, sum.a), _mm512_fmadd_ps(b, factors.b, sum.b))
  }
}

/// The sums of four tokens.
struct TileSums {
  var t0: Both
  var t1: Both
  var t2: Both
  var t3: Both

  @inline(__always) init(_ out: UnsafePointer<Float>, stride: Int) {
    t0 = TileSums.load(out)
    t1 = TileSums.load(out + stride)
    t2 = TileSums.load(out + 2 &* stride)
    t3 = TileSums.load(out + 3 &* stride)
  }
  @inline(__always) init() {
    let zero = Both(_mm512_setzero_ps(), _mm512_setzero_ps())
    (t0, t1, t2, t3) = (zero, zero, zero, zero)
  }

  @inline(__always) func store(_ out: UnsafeMutablePointer<Float>, stride: Int) {
    TileSums.store(t0, out)
    TileSums.store(t1, out + stride)
    TileSums.store(t2, out + 2 &* stride)
    TileSums.store(t3, out + 3 &* stride)
  }

  @inline(__always) private static func load(_ out: UnsafePointer<Float>) -> Both {
    Both(_mm512_loadu_ps(out), _mm512_loadu_ps(out + 16))
  }
  @inline(__always) private static func store(_ sum: Both, _ out: UnsafeMutablePointer<Float>) {
    _mm512_storeu_ps(out, sum.a)
    _mm512_storeu_ps(out + 16, sum.b)
  }
}

/// How the parts of a format are multiplied.
protocol PartKind {
  /// Adds the products of one part with tokens `first ..< first + 4` of a record of eight.
  static func add(_ part: UnsafeRawPointer, _ record: UnsafeRawPointer, first: Int, _ sums: inout TileSums)
}

/// w = scale * q + offset, one scale and offset for 32 columns.
enum AffinePart: PartKind {
  @inline(__always)
  static func add(_ part: UnsafeRawPointer, _ record: UnsafeRawPointer, first: Int, _ sums: inout TileSums) {
    let r0 = Record(record, width: 8, token: first)
    let (r1, r2, r3) = (r0.advanced(by: 1), r0.advanced(by: 2), r0.advanced(by: 3))
    let low = Weights16(part, half: 0)
    var t0 = low.dot(integerBase, record, r0.q).times(
      broadcastFloat(record, r0.scales), plus: broadcastFloat(record, r0.bothShifts))
    var t1 = low.dot(integerBase, record, r1.q).times(
      broadcastFloat(record, r1.scales), plus: broadcastFloat(record, r1.bothShifts))
    var t2 = low.dot(integerBase, record, r2.q).times(
      broadcastFloat(record, r2.scales), plus: broadcastFloat(record, r2.bothShifts))
    var t3 = low.dot(integerBase, record, r3.q).times(
      broadcastFloat(record, r3.scales), plus: broadcastFloat(record, r3.bothShifts))
    let high = Weights16(part, half: 1)
    t0 = high.dot(integerBase, record, r0.q &+ 16).times(broadcastFloat(record, r0.scales &+ 4), plus: t0)
    t1 = high.dot(integerBase, record, r1.q &+ 16).times(broadcastFloat(record, r1.scales &+ 4), plus: t1)
    t2 = high.dot(integerBase, record, r2.q &+ 16).times(broadcastFloat(record, r2.scales &+ 4), plus: t2)
    t3 = high.dot(integerBase, record, r3.q &+ 16).times(broadcastFloat(record, r3.scales &+ 4), plus: t3)
    let scale = Both(loadFloats(part, 1024), loadFloats(part, 1088))
    let offset = Both(loadFloats(part, 1280), loadFloats(part, 1344))
    sums.t0 = offset.times(broadcastFloat(record, r0.sum), plus: t0.times(scale, plus: sums.t0))
    sums.t1 = offset.times(broadcastFloat(record, r1.sum), plus: t1.times(scale, plus: sums.t1))
    sums.t2 = offset.times(broadcastFloat(record, r2.sum), plus: t2.times(scale, plus: sums.t2))
    sums.t3 = offset.times(broadcastFloat(record, r3.sum), plus: t3.times(scale, plus: sums.t3))
  }
}

/// w = scale * q + offset, a scale and an offset for each 16 columns.
enum AffineHalves: PartKind {
  @inline(__always)
  static func add(_ part: UnsafeRawPointer, _ record: UnsafeRawPointer, first: Int, _ sums: inout TileSums) {
    addHalf(0, part, record, first, &sums)
    addHalf(1, part, record, first, &sums)
  }

  @inline(__always)
  private static func addHalf(
    _ half: Int, _ part: UnsafeRawPointer, _ record: UnsafeRawPointer, _ first: Int, _ sums: inout TileSums
  ) {
    let weights = Weights16(part, half: half)
    let factors = part + 1024 + half &* 128
    let r = Record(record, width: 8, token: first, half: half)
    addToken(weights, r, factors, &sums.t0)
    addToken(weights, r.advanced(by: 1), factors, &sums.t1)
    addToken(weights, r.advanced(by: 2), factors, &sums.t2)
    addToken(weights, r.advanced(by: 3), factors, &sums.t3)
  }

  @inline(__always)
  private static func addToken(_ weights: Weights16, _ r: Record, _ factors: UnsafeRawPointer, _ sum: inout Both) {
    let (x, shift) = (broadcastFloat(r.base, r.scales), broadcastFloat(r.base, r.shift))
    let scale = Both(loadFloats(factors, 0), loadFloats(factors, 64))
    let offset = Both(loadFloats(factors, 256), loadFloats(factors, 320))
    sum = weights.dot(integerBase, r.base, r.q).times(x, plus: shift).times(scale, plus: sum)
    sum = offset.times(r.scaled(r.sumOfQuants(times: 1)), plus: sum)
  }
}

/// w = scale * (q - zero), one scale for each 16 columns.
enum CentredPart<Zero: ZeroPoint>: PartKind {
  @inline(__always)
  static func add(_ part: UnsafeRawPointer, _ record: UnsafeRawPointer, first: Int, _ sums: inout TileSums) {
    addHalf(0, part, record, first, &sums)
    addHalf(1, part, record, first, &sums)
  }

  @inline(__always)
  private static func addHalf(
    _ half: Int, _ part: UnsafeRawPointer, _ record: UnsafeRawPointer, _ first: Int, _ sums: inout TileSums
  ) {
    let weights = Weights16(part, half: half)
    let scale = Both(loadFloats(part, 1024 &+ half &* 128), loadFloats(part, 1088 &+ half &* 128))
    let r = Record(record, width: 8, token: first, half: half)
    addToken(weights, r, scale, &sums.t0)
    addToken(weights, r.advanced(by: 1), scale, &sums.t1)
    addToken(weights, r.advanced(by: 2), scale, &sums.t2)
    addToken(weights, r.advanced(by: 3), scale, &sums.t3)
  }

  @inline(__always)
  private static func addToken(_ weights: Weights16, _ r: Record, _ scale: Both, _ sum: inout Both) {
    let start = r.sumOfQuants(times: 0 &- Zero.value)
    let products = weights.dot(start, r.base, r.q)
    sum = products.times(broadcastFloat(r.base, r.scales), plus: broadcastFloat(r.base, r.shift))
      .times(scale, plus: sum)
  }
}

/// The zero point of a type, known when its kernel is compiled.
protocol ZeroPoint {
  static var value: Int16 { get }
}

enum ZeroAt4: ZeroPoint {
  @inline(__always) static var value: Int16 { 4 }
}

enum ZeroAt32: ZeroPoint {
  @inline(__always) static var value: Int16 { 32 }
}

/// All parts times four tokens.
@inline(__always)
private func multiplyParts<Kind: PartKind>(
  _: Kind.Type, _ parts: UnsafeRawPointer, _ partCount: Int, _ records: UnsafeRawPointer, first: Int,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int, isContinued: Bool
) {
  var sums = isContinued ? TileSums(out, stride: stride) : TileSums()
  var (part, record) = (parts, records)
  var remaining = partCount
  while remaining > 0 {
    Kind.add(part, record, first: first, &sums)
    part += partByteCount
    record += recordByteCount(8)
    remaining &-= 1
  }
  sums.store(out, stride: stride)
}

@inline(__always)
private func unpack<Format: PanelFormat>(
  _: Format.Type, _ blocks: UnsafeRawPointer, _ count: Int, _ parts: UnsafeMutableRawPointer, slot: Int
) {
  var writer = PartWriter(parts, slot: slot)
  var (block, remaining) = (blocks, count)
  while remaining > 0 {
    Format.addBlock(block, block, &writer)
    block += Format.blockByteCount
    remaining &-= 1
  }
}

/// `panelCount` panels times `tileCount` tiles of eight tokens: `out[t * stride + 16 p + r]`.
@inline(__always)
func multiplyUnpacked<Format: PanelFormat>(
  _ format: Format.Type, _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tiles: UnsafeRawPointer,
  _ tileCount: Int, _ scratch: UnsafeMutableRawPointer, _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  let blockCount = columns / Format.blockColumns
  let panelByteCount = blockCount &* Format.blockByteCount
  let tileByteCount = columns / 32 &* recordByteCount(8)
  let runCount = (columns &+ unpackedColumns &- 1) / unpackedColumns
  var panel = 0
  while tileCount >= leastTiles(format), panel &+ 1 < panelCount {
    let first = panels + panel &* panelByteCount
    var run = 0
    while run < runCount {
      let begin = run &* blockCount / runCount
      let count = (run &+ 1) &* blockCount / runCount &- begin
      unpack(format, first + begin &* Format.blockByteCount, count, scratch, slot: 0)
      unpack(format, first + panelByteCount + begin &* Format.blockByteCount, count, scratch, slot: 1)
      // After the last run come the next two panels, of this task or another.
      var upcoming =
        run &+ 1 < runCount ? first + (begin &+ count) &* Format.blockByteCount : first + 2 &* panelByteCount
      let share = count &* Format.blockByteCount / max(1, tileCount) &+ 63
      let partsPerBlock = Format.blockColumns / 32
      var records = tiles + begin &* partsPerBlock &* recordByteCount(8)
      var sums = out + panel &* 16
      var tile = 0
      while tile < tileCount {
        prefetchLater(upcoming, share)
        prefetchLater(upcoming + panelByteCount, share)
        upcoming += share
        multiplyParts(
          Format.Part.self, scratch, count &* partsPerBlock, records, first: 0, sums, stride, isContinued: run > 0)
        multiplyParts(
          Format.Part.self, scratch, count &* partsPerBlock, records, first: 4, sums + 4 &* stride, stride,
          isContinued: run > 0)
        records += tileByteCount
        sums += 8 &* stride
        tile &+= 1
      }
      run &+= 1
    }
    panel &+= 2
  }
  // Too few tiles, or a last panel without a partner.
  var tile = 0
  while panel < panelCount, tile < tileCount {
    multiplyPanels(
      format, EightTokens.self, panels + panel &* panelByteCount, panelCount &- panel, columns,
      tiles + tile &* tileByteCount, out + 8 &* tile &* stride + panel &* 16, stride)
    tile &+= 1
  }
}

/// For how many tiles weights are unpacked: for fewer it takes longer than it saves. With two tiles, as of sixteen sequences,
/// decode is 20 to 35 % faster without; with four it is 10 % faster for types of 32 columns, and as much slower for others.
@inline(__always)
private func leastTiles<Format: PanelFormat>(_: Format.Type) -> Int { Format.blockColumns == 32 ? 5 : 4 }
