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
// first-level cache while all tokens pass; meanwhile the next tile is fetched there, and the next run to the second
// level. F16 and BF16 weights are widened to scratch for a run. A run leaves its sums in `out`, where the next one finds
// them.
//
// Decode: bound by memory; four panels side by side, as quantised ones (`multiplyStreams`).

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
  // As far ahead as quantised ones are asked for (`prefetchDistance`).
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

/// Columns of a run: three panels of them are 24 kB as floats, which leaves room in the first-level cache for the tiles
/// that pass. 192 columns and fetching into that cache made 5 to 7 % fewer products of encoders.
private let runColumns = 128

/// Bytes of three panels of a run as floats.
private let runByteCount = 3 * 64 * runColumns

/// Panels of a run, fetched a slice at a time while tokens pass over those before.
private struct NextRun {
  var weights: UnsafeRawPointer
  let panelByteCount: Int
  let slice: Int

  @inline(__always)
  mutating func fetchSlice<Panels: PanelRows>(_: Panels.Type) {
    Panels.fetchLater(weights, panelByteCount, slice)
    weights += slice
  }
}

/// A run of a group of panels times tiles of eight tokens.
@inline(__always)
private func multiplyRun<Format: FloatFormat, Sums: FloatSums>(
  _ format: Format.Type, _: Sums.Type, _ weights: UnsafeRawPointer, _ panelByteCount: Int, _ columns: Int,
  _ tiles: UnsafePointer<Float>, _ tileFloats: Int, _ tileCount: Int, _ out: UnsafeMutablePointer<Float>,
  _ stride: Int, isContinued: Bool, _ next: NextRun
) {
  var (tiles, out, remaining, next) = (tiles, out, tileCount, next)
  while remaining > 0 {
    next.fetchSlice(Sums.Panels.self)
    var sums = isContinued ? Sums(out, stride: stride) : Sums()
    var (w, x, left) = (weights, tiles, columns)
    while left > 0 {
      sums.add(Sums.Panels(format, w, panelByteCount), x)
      kinglet512_prefetch(x + tileFloats)
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

/// Writes a run of some panels as floats, panel after panel.
@inline(__always)
private func widen<Format: FloatFormat>(
  _: Format.Type, _ weights: UnsafeRawPointer, _ panelByteCount: Int, _ panelCount: Int, _ columns: Int,
  _ floats: UnsafeMutableRawPointer
) {
  var (out, panel) = (floats, 0)
  while panel < panelCount {
    var (w, left) = (weights + panel &* panelByteCount, columns)
    while left > 0 {
      _mm512_store_ps(out, Format.load(w))
      w += 16 &* Format.byteCount
      out += 64
      left &-= 1
    }
    panel &+= 1
  }
}

/// A group of panels times tiles of eight tokens, run by run.
@inline(__always)
private func multiplyGroup<Format: FloatFormat, Sums: FloatSums>(
  _ format: Format.Type, _ sums: Sums.Type, _ weights: UnsafeRawPointer, _ columns: Int,
  _ tiles: UnsafePointer<Float>, _ tileCount: Int, _ scratch: UnsafeMutableRawPointer,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  let columnByteCount = 16 &* Format.byteCount
  let panelByteCount = columns &* columnByteCount
  let runCount = max(1, (columns &+ runColumns &- 1) / runColumns)
  var run = 0
  while run < runCount {
    let first = run &* columns / runCount
    let count = (run &+ 1) &* columns / runCount &- first
    let (w, x) = (weights + first &* columnByteCount, tiles + 8 &* first)
    // After the last run, the first of the next group.
    let beyond = run &+ 1 < runCount ? 0 : (Sums.Panels.count &- 1) &* panelByteCount
    let next = NextRun(
      weights: w + count &* columnByteCount + beyond, panelByteCount: panelByteCount,
      slice: (count &* columnByteCount / max(1, tileCount) &+ 63) & ~63)
    if Format.isHalf {
      widen(format, w, panelByteCount, Sums.Panels.count, count, scratch)
      multiplyRun(
        Singles.self, sums, scratch, 64 &* count, count, x, 8 &* columns, tileCount, out, stride,
        isContinued: run > 0, next)
    } else {
      multiplyRun(
        format, sums, w, panelByteCount, count, x, 8 &* columns, tileCount, out, stride, isContinued: run > 0, next)
    }
    run &+= 1
  }
}

@inline(__always)
private func multiplyMany<Format: FloatFormat>(
  _ format: Format.Type, _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tiles: UnsafePointer<Float>,
  _ tileCount: Int, _ scratch: UnsafeMutableRawPointer, _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  let panelByteCount = columns &* 16 &* Format.byteCount
  var (w, panel) = (panels, 0)
  while panel &+ 3 <= panelCount {
    multiplyGroup(
      format, EightFloatTokens<ThreePanels>.self, w, columns, tiles, tileCount, scratch, out + panel &* 16, stride)
    w += 3 &* panelByteCount
    panel &+= 3
  }
  while panel < panelCount {
    multiplyGroup(
      format, EightFloatTokens<OnePanel>.self, w, columns, tiles, tileCount, scratch, out + panel &* 16, stride)
    w += panelByteCount
    panel &+= 1
  }
}

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
