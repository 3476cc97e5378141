import CIntrinsics
import KingletKernels
import KingletQuants

// Float weights times float activations. A panel holds 16 rows, column by column:
//
//      0               64              128                          F16 and BF16: every 32 bytes
//      | w r0 … w r15  | w r0 … w r15  | …
//      | column 0      | column 1      |
//
// so a load brings a column of 16 rows, and lane r of a sum belongs to row r. A sum has one accumulator, to which its
// columns are added one by one in ascending order: by every tile the same operations in the same order.
//
// Prefill: register tiles of three panels by eight tokens, whose activations lie side by side (`ActivationForm.float`).
// Per column: 3 loads of weights, 8 broadcasts, 24 FMA. A core of this kind starts two FMA a cycle but little more than
// one load, so smaller tiles would wait for loads. Columns are cut into runs, so that three panels of a run stay in the
// first two caches while all tokens pass, and the tokens' part of a run in the second while all panels do; F16 and BF16
// weights are widened to scratch for a run. A run leaves its sums in `out`, where the next one finds them.
//
// Decode: bound by memory; four panels side by side, as quantised ones (`multiplyStreams`).

/// How weights lie in a panel.
private protocol FloatFormat: SendableMetatype {
  static var byteCount: Int { get }
  /// Whether weights have to be widened.
  static var isHalf: Bool { get }
  /// Sixteen weights.
  static func load(_ weights: UnsafeRawPointer) -> Floats
}

private enum Singles: FloatFormat {
  @inline(__always) static var byteCount: Int { 4 }
  @inline(__always) static var isHalf: Bool { false }
  @inline(__always) static func load(_ weights: UnsafeRawPointer) -> Floats { loadFloats(weights, 0) }
}

private enum Halves: FloatFormat {
  @inline(__always) static var byteCount: Int { 2 }
  @inline(__always) static var isHalf: Bool { true }
  @inline(__always) static func load(_ weights: UnsafeRawPointer) -> Floats { loadHalves(weights, 0) }
}

private enum BrainFloats: FloatFormat {
  @inline(__always) static var byteCount: Int { 2 }
  @inline(__always) static var isHalf: Bool { true }
  @inline(__always) static func load(_ weights: UnsafeRawPointer) -> Floats {
    let bits = _mm256_loadu_si256(weights.assumingMemoryBound(to: __m256i_u.self))
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16))
  }
}

/// A sum, or a weight of one column, for each row of some panels.
private protocol PanelRows {
  static var count: Int { get }
  init()
  init(_ sums: UnsafePointer<Float>)
  init<Format: FloatFormat>(_: Format.Type, _ weights: UnsafeRawPointer, _ panelByteCount: Int)
  /// `self += weights * x`
  mutating func add(_ weights: Self, _ x: Floats)
  func store(_ out: UnsafeMutablePointer<Float>)
  /// Asks for some bytes of each panel.
  static func fetch(_ weights: UnsafeRawPointer, _ panelByteCount: Int, _ byteCount: Int)
}

private struct OnePanel: PanelRows {
  @inline(__always) static var count: Int { 1 }
  var rows: Floats
  @inline(__always) init() { rows = _mm512_setzero_ps() }
  @inline(__always) init(_ sums: UnsafePointer<Float>) { rows = _mm512_loadu_ps(sums) }
  @inline(__always) init<Format: FloatFormat>(_: Format.Type, _ weights: UnsafeRawPointer, _: Int) {
    rows = Format.load(weights)
  }
  @inline(__always) mutating func add(_ weights: Self, _ x: Floats) { rows = _mm512_fmadd_ps(weights.rows, x, rows) }
  @inline(__always) func store(_ out: UnsafeMutablePointer<Float>) { _mm512_storeu_ps(out, rows) }
  @inline(__always) static func fetch(_ weights: UnsafeRawPointer, _: Int, _ byteCount: Int) {
    prefetch(weights, byteCount)
  }
}

private struct PanelPair<First: PanelRows, Second: PanelRows>: PanelRows {
  @inline(__always) static var count: Int { First.count &+ Second.count }
  var first: First
  var second: Second
  @inline(__always) init() {
    first = First()
    second = Second()
  }
  @inline(__always) init(_ sums: UnsafePointer<Float>) {
    first = First(sums)
    second = Second(sums + 16 &* First.count)
  }
  @inline(__always)
  init<Format: FloatFormat>(_ format: Format.Type, _ weights: UnsafeRawPointer, _ panelByteCount: Int) {
    first = First(format, weights, panelByteCount)
    second = Second(format, weights + First.count &* panelByteCount, panelByteCount)
  }
  @inline(__always) mutating func add(_ weights: Self, _ x: Floats) {
    first.add(weights.first, x)
    second.add(weights.second, x)
  }
  @inline(__always) func store(_ out: UnsafeMutablePointer<Float>) {
    first.store(out)
    second.store(out + 16 &* First.count)
  }
  @inline(__always) static func fetch(_ weights: UnsafeRawPointer, _ panelByteCount: Int, _ byteCount: Int) {
    First.fetch(weights, panelByteCount, byteCount)
    Second.fetch(weights + First.count &* panelByteCount, panelByteCount, byteCount)
  }
}

private typealias TwoPanels = PanelPair<OnePanel, OnePanel>
private typealias ThreePanels = PanelPair<TwoPanels, OnePanel>
private typealias FourPanels = PanelPair<TwoPanels, TwoPanels>

/// The sums of some panels for some tokens.
private protocol FloatSums {
  associatedtype Panels: PanelRows
  static var width: Int { get }
  init()
  init(_ out: UnsafePointer<Float>, stride: Int)
  /// Adds the products with one column of each token.
  mutating func add(_ weights: Panels, _ x: UnsafePointer<Float>)
  func store(_ out: UnsafeMutablePointer<Float>, stride: Int)
}

private struct OneFloatToken<Panels: PanelRows>: FloatSums {
  @inline(__always) static var width: Int { 1 }
  var sums: Panels
  @inline(__always) init() { sums = Panels() }
  @inline(__always) init(_ out: UnsafePointer<Float>, stride: Int) { sums = Panels(out) }
  @inline(__always)
  mutating func add(_ weights: Panels, _ x: UnsafePointer<Float>) { sums.add(weights, _mm512_set1_ps(x.pointee)) }
  @inline(__always) func store(_ out: UnsafeMutablePointer<Float>, stride: Int) { sums.store(out) }
}

private struct TokenPair<Half: FloatSums>: FloatSums {
  typealias Panels = Half.Panels
  @inline(__always) static var width: Int { Half.width &* 2 }
  var first: Half
  var second: Half
  @inline(__always) init() {
    first = Half()
    second = Half()
  }
  @inline(__always) init(_ out: UnsafePointer<Float>, stride: Int) {
    first = Half(out, stride: stride)
    second = Half(out + Half.width &* stride, stride: stride)
  }
  @inline(__always) mutating func add(_ weights: Panels, _ x: UnsafePointer<Float>) {
    first.add(weights, x)
    second.add(weights, x + Half.width)
  }
  @inline(__always) func store(_ out: UnsafeMutablePointer<Float>, stride: Int) {
    first.store(out, stride: stride)
    second.store(out + Half.width &* stride, stride: stride)
  }
}

private typealias TwoFloatTokens<Panels: PanelRows> = TokenPair<OneFloatToken<Panels>>
private typealias FourFloatTokens<Panels: PanelRows> = TokenPair<TwoFloatTokens<Panels>>
private typealias EightFloatTokens<Panels: PanelRows> = TokenPair<FourFloatTokens<Panels>>

// MARK: Few tokens

/// Panels times a tile of few tokens, read side by side as far as they make up groups of `Sums.Panels`.
///
/// - Returns: the panels done.
@inline(__always)
private func multiplyStreams<Format: FloatFormat, Sums: FloatSums>(
  _ format: Format.Type, _: Sums.Type, _ panels: UnsafeRawPointer, from first: Int, to panelCount: Int, _ columns: Int,
  _ tile: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ stride: Int
) -> Int {
  let columnByteCount = 16 &* Format.byteCount
  let panelByteCount = columns &* columnByteCount
  let ahead = 1536
  // From this column on what lies ahead is in the next group of panels, past those of the other streams.
  let beyond = max(0, columns &- ahead / columnByteCount) & ~1
  var panel = first
  while panel &+ Sums.Panels.count <= panelCount {
    var sums = Sums()
    var (w, x) = (panels + panel &* panelByteCount, tile)
    var column = 0
    while column &+ 2 <= columns {
      let distance = column < beyond ? ahead : ahead &+ (Sums.Panels.count &- 1) &* panelByteCount
      Sums.Panels.fetch(w + distance, panelByteCount, 2 &* columnByteCount)
      sums.add(Sums.Panels(format, w, panelByteCount), x)
      sums.add(Sums.Panels(format, w + columnByteCount, panelByteCount), x + Sums.width)
      w += 2 &* columnByteCount
      x += 2 &* Sums.width
      column &+= 2
    }
    if column < columns { sums.add(Sums.Panels(format, w, panelByteCount), x) }
    sums.store(out + panel &* 16, stride: stride)
    panel &+= Sums.Panels.count
  }
  return panel
}

/// Four panels side by side, and what remains by two and one.
@inline(__always)
private func multiplyFew<Format: FloatFormat, Four: FloatSums, Two: FloatSums, One: FloatSums>(
  _ format: Format.Type, _ four: Four.Type, _ two: Two.Type, _ one: One.Type, _ panels: UnsafeRawPointer,
  _ panelCount: Int, _ columns: Int, _ tile: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  var done = multiplyStreams(format, four, panels, from: 0, to: panelCount, columns, tile, out, stride)
  done = multiplyStreams(format, two, panels, from: done, to: panelCount, columns, tile, out, stride)
  _ = multiplyStreams(format, one, panels, from: done, to: panelCount, columns, tile, out, stride)
}

// MARK: Many tokens

/// Columns of a run: three panels of them are 36 kB as floats.
private let runColumns = 192

/// Bytes of three panels of a run as floats.
private let runByteCount = 3 * 64 * runColumns

/// Panels of a run, from `weights` on, times tiles of eight tokens.
@inline(__always)
private func multiplyRun<Format: FloatFormat, Sums: FloatSums>(
  _ format: Format.Type, _: Sums.Type, _ weights: UnsafeRawPointer, _ panelByteCount: Int, _ columns: Int,
  _ tiles: UnsafePointer<Float>, _ tileFloats: Int, _ tileCount: Int, _ out: UnsafeMutablePointer<Float>,
  _ stride: Int, isContinued: Bool
) {
  var (tiles, out, remaining) = (tiles, out, tileCount)
  while remaining > 0 {
    var sums = isContinued ? Sums(out, stride: stride) : Sums()
    var (w, x, left) = (weights, tiles, columns)
    while left > 0 {
      sums.add(Sums.Panels(format, w, panelByteCount), x)
      w += 16 &* Format.byteCount
      x += Sums.width
      left &-= 1
    }
    sums.store(out, stride: stride)
    tiles += tileFloats
    out += Sums.width &* stride
    remaining &-= 1
  }
}

/// The same for panels that are widened first, where they have to be.
@inline(__always)
private func multiplyWidened<Format: FloatFormat, Sums: FloatSums>(
  _ format: Format.Type, _ sums: Sums.Type, _ weights: UnsafeRawPointer, _ panelByteCount: Int, _ columns: Int,
  _ tiles: UnsafePointer<Float>, _ tileFloats: Int, _ tileCount: Int, _ scratch: UnsafeMutableRawPointer,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int, isContinued: Bool
) {
  guard Format.isHalf else {
    return multiplyRun(
      format, sums, weights, panelByteCount, columns, tiles, tileFloats, tileCount, out, stride,
      isContinued: isContinued)
  }
  var widened = scratch
  var panel = 0
  while panel < Sums.Panels.count {
    var (w, left) = (weights + panel &* panelByteCount, columns)
    while left > 0 {
      _mm512_store_ps(widened, Format.load(w))
      w += 16 &* Format.byteCount
      widened += 64
      left &-= 1
    }
    panel &+= 1
  }
  multiplyRun(
    Singles.self, sums, scratch, 64 &* columns, columns, tiles, tileFloats, tileCount, out, stride,
    isContinued: isContinued)
}

@inline(__always)
private func multiplyMany<Format: FloatFormat>(
  _ format: Format.Type, _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tiles: UnsafePointer<Float>,
  _ tileCount: Int, _ scratch: UnsafeMutableRawPointer, _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  let columnByteCount = 16 &* Format.byteCount
  let panelByteCount = columns &* columnByteCount
  let runCount = max(1, (columns &+ runColumns &- 1) / runColumns)
  var run = 0
  while run < runCount {
    let begin = run &* columns / runCount
    let count = (run &+ 1) &* columns / runCount &- begin
    let x = tiles + 8 &* begin
    var w = panels + begin &* columnByteCount
    var panel = 0
    while panel &+ 3 <= panelCount {
      multiplyWidened(
        format, EightFloatTokens<ThreePanels>.self, w, panelByteCount, count, x, 8 &* columns, tileCount, scratch,
        out + panel &* 16, stride, isContinued: run > 0)
      panel &+= 3
      w += 3 &* panelByteCount
    }
    while panel < panelCount {
      multiplyWidened(
        format, EightFloatTokens<OnePanel>.self, w, panelByteCount, count, x, 8 &* columns, tileCount, scratch,
        out + panel &* 16, stride, isContinued: run > 0)
      panel &+= 1
      w += panelByteCount
    }
    run &+= 1
  }
}

// MARK: The kernels

@inline(__always)
private func multiplyTile<Format: FloatFormat>(
  _ format: Format.Type, _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafePointer<Float>,
  _ width: Int, _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  switch width {
  case 8:
    multiplyFew(
      format, EightFloatTokens<TwoPanels>.self, EightFloatTokens<TwoPanels>.self, EightFloatTokens<OnePanel>.self,
      panels, panelCount, columns, tile, out, stride)
  case 4:
    multiplyFew(
      format, FourFloatTokens<FourPanels>.self, FourFloatTokens<TwoPanels>.self, FourFloatTokens<OnePanel>.self,
      panels, panelCount, columns, tile, out, stride)
  case 2:
    multiplyFew(
      format, TwoFloatTokens<FourPanels>.self, TwoFloatTokens<TwoPanels>.self, TwoFloatTokens<OnePanel>.self,
      panels, panelCount, columns, tile, out, stride)
  default:
    multiplyFew(
      format, OneFloatToken<FourPanels>.self, OneFloatToken<TwoPanels>.self, OneFloatToken<OnePanel>.self,
      panels, panelCount, columns, tile, out, stride)
  }
}

extension MatrixKernel {
  /// Panels of 16 rows for F32, F16 and BF16; nil for other types.
  static func avx512Floats(_ type: QuantType) -> MatrixKernel? {
    switch type {
    case .f32: .avx512Singles
    case .f16: panels(Halves.self, type)
    case .bf16: panels(BrainFloats.self, type)
    default: nil
    }
  }

  static let avx512Singles = panels(Singles.self, .f32)

  private static func panels<Format: FloatFormat>(_ format: Format.Type, _ type: QuantType) -> MatrixKernel {
    MatrixKernel(
      layout: FloatPanelLayout(type: type, rows: 16),
      multiply: { panels, panelCount, columns, tile, width, out, stride in
        multiplyTile(format, panels, panelCount, columns, tile.assumingMemoryBound(to: Float.self), width, out, stride)
      },
      panelsAtOnce: 3, scratchByteCount: Format.isHalf ? runByteCount : 0,
      multiplyTiles: { panels, panelCount, columns, tiles, tileCount, scratch, out, stride in
        multiplyMany(
          format, panels, panelCount, columns, tiles.assumingMemoryBound(to: Float.self), tileCount, scratch, out,
          stride)
      })
  }
}
