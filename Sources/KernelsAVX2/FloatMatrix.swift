import CIntrinsics
import KingletKernels
import KingletQuants

// Float weights times float activations. A panel holds 8 rows, column by column:
//
//      0             32            64                          F16 and BF16: every 16 bytes
//      | w r0 … w r7 | w r0 … w r7 | …
//      | column 0    | column 1    |
//
// so a load brings a column of 8 rows, and lane r of a sum belongs to row r. A sum has one accumulator, to which its
// columns are added one by one in ascending order: by every tile the same operations in the same order.
//
// Prefill: register tiles of three panels by four tokens, whose activations lie side by side (`ActivationForm.float`).
// Per column: 3 loads of weights, 4 broadcasts, 12 FMA, and all 16 registers. Columns are cut into runs, so that three
// panels of a run stay in the first-level cache while all tokens pass; F16 and BF16 weights are widened to scratch for a
// run. A run leaves its sums in `out`, where the next one finds them.
//
// Decode: bound by memory; four panels side by side, as that many streams get most from it.

/// Columns of a run: three panels of them are 24 kB as floats.
private let runColumns = 256

/// Bytes of three panels of a run as floats.
private let runByteCount = 3 * 32 * runColumns

/// A group of panels, the first at `weights`, times tokens whose activations of a column lie in `step` floats.
@inline(__always)
private func multiplyTile<Format: FloatFormat, Sums: FloatSums>(
  _ format: Format.Type, _: Sums.Type, _ weights: UnsafeRawPointer, _ panelByteCount: Int, _ columns: Int,
  _ x: UnsafePointer<Float>, _ step: Int, _ out: UnsafeMutablePointer<Float>, _ stride: Int, isContinued: Bool = false
) {
  var sums = isContinued ? Sums(out, stride: stride) : Sums()
  var (w, x, remaining) = (weights, x, columns)
  while remaining > 0 {
    sums.add(Sums.Panels(format, w, panelByteCount), x)
    w += 8 &* Format.byteCount
    x += step
    remaining &-= 1
  }
  sums.store(out, stride: stride)
}

/// Panels times some tokens of a tile, group by group, and what remains one by one.
@inline(__always)
private func multiplyGroups<Format: FloatFormat, Group: FloatSums, One: FloatSums>(
  _ format: Format.Type, _ group: Group.Type, _ one: One.Type, _ panels: UnsafeRawPointer, _ panelCount: Int,
  _ columns: Int, _ x: UnsafePointer<Float>, _ step: Int, _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  let panelByteCount = columns &* 8 &* Format.byteCount
  var (w, panel) = (panels, 0)
  while panel &+ Group.Panels.count <= panelCount {
    multiplyTile(format, group, w, panelByteCount, columns, x, step, out + panel &* 8, stride)
    w += Group.Panels.count &* panelByteCount
    panel &+= Group.Panels.count
  }
  while panel < panelCount {
    multiplyTile(format, one, w, panelByteCount, columns, x, step, out + panel &* 8, stride)
    w += panelByteCount
    panel &+= 1
  }
}

@inline(__always)
private func multiplyOneTile<Format: FloatFormat>(
  _ format: Format.Type, _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer,
  _ width: Int, _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  let x = tile.assumingMemoryBound(to: Float.self)
  if width >= 4 {
    var first = 0
    while first < width {
      multiplyGroups(
        format, FourFloatTokens<ThreePanels>.self, FourFloatTokens<OnePanel>.self, panels, panelCount, columns,
        x + first, width, out + first &* stride, stride)
      first &+= 4
    }
  } else if width == 2 {
    multiplyGroups(
      format, TwoFloatTokens<FourPanels>.self, TwoFloatTokens<OnePanel>.self, panels, panelCount, columns, x, 2, out,
      stride)
  } else {
    multiplyGroups(
      format, OneFloatToken<FourPanels>.self, OneFloatToken<OnePanel>.self, panels, panelCount, columns, x, 1, out,
      stride)
  }
}

/// Panels of a run, widened first where they have to be, times tiles of eight tokens.
@inline(__always)
private func multiplyRun<Format: FloatFormat, Sums: FloatSums>(
  _ format: Format.Type, _ sums: Sums.Type, _ weights: UnsafeRawPointer, _ panelByteCount: Int, _ columns: Int,
  _ tiles: UnsafePointer<Float>, _ tileFloats: Int, _ tileCount: Int, _ scratch: UnsafeMutableRawPointer,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int, isContinued: Bool
) {
  if Format.isHalf {
    var (widened, panel) = (scratch.assumingMemoryBound(to: Float.self), 0)
    while panel < Sums.Panels.count {
      var (w, left) = (weights + panel &* panelByteCount, columns)
      while left > 0 {
        _mm256_storeu_ps(widened, Format.load(w))
        w += 8 &* Format.byteCount
        widened += 8
        left &-= 1
      }
      panel &+= 1
    }
  }
  let floats = Format.isHalf ? UnsafeRawPointer(scratch) : weights
  let step = Format.isHalf ? 32 &* columns : panelByteCount
  var (x, out, remaining) = (tiles, out, tileCount)
  while remaining > 0 {
    multiplyTile(Singles.self, sums, floats, step, columns, x, 8, out, stride, isContinued: isContinued)
    multiplyTile(
      Singles.self, sums, floats, step, columns, x + 4, 8, out + 4 &* stride, stride, isContinued: isContinued)
    x += tileFloats
    out += 8 &* stride
    remaining &-= 1
  }
}

@inline(__always)
private func multiplyAllTiles<Format: FloatFormat>(
  _ format: Format.Type, _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tiles: UnsafeRawPointer,
  _ tileCount: Int, _ scratch: UnsafeMutableRawPointer, _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  let columnByteCount = 8 &* Format.byteCount
  let panelByteCount = columns &* columnByteCount
  let runCount = max(1, (columns &+ runColumns &- 1) / runColumns)
  var run = 0
  while run < runCount {
    let begin = run &* columns / runCount
    let count = (run &+ 1) &* columns / runCount &- begin
    let x = tiles.assumingMemoryBound(to: Float.self) + 8 &* begin
    var (w, panel) = (panels + begin &* columnByteCount, 0)
    while panel &+ 3 <= panelCount {
      multiplyRun(
        format, FourFloatTokens<ThreePanels>.self, w, panelByteCount, count, x, 8 &* columns, tileCount, scratch,
        out + panel &* 8, stride, isContinued: run > 0)
      w += 3 &* panelByteCount
      panel &+= 3
    }
    while panel < panelCount {
      multiplyRun(
        format, FourFloatTokens<OnePanel>.self, w, panelByteCount, count, x, 8 &* columns, tileCount, scratch,
        out + panel &* 8, stride, isContinued: run > 0)
      w += panelByteCount
      panel &+= 1
    }
    run &+= 1
  }
}

extension MatrixKernel {
  /// Panels of 8 rows for F32, F16 and BF16; nil for other types.
  static func avx2Floats(_ type: QuantType) -> MatrixKernel? {
    switch type {
    case .f32: avx2Singles
    case .f16: panels(Halves.self, type)
    case .bf16: panels(BrainFloats.self, type)
    default: nil
    }
  }

  static let avx2Singles = panels(Singles.self, .f32)

  private static func panels<Format: FloatFormat>(_ format: Format.Type, _ type: QuantType) -> MatrixKernel {
    MatrixKernel(
      layout: FloatPanelLayout(type: type, rows: 8),
      multiply: { panels, panelCount, columns, tile, width, out, stride in
        multiplyOneTile(format, panels, panelCount, columns, tile, width, out, stride)
      },
      panelsAtOnce: 3, scratchByteCount: Format.isHalf ? runByteCount : 0,
      multiplyTiles: { panels, panelCount, columns, tiles, tileCount, scratch, out, stride in
        multiplyAllTiles(format, panels, panelCount, columns, tiles, tileCount, scratch, out, stride)
      })
  }
}
