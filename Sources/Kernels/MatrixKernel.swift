/// How one weight type is held and multiplied.
///
/// Rows are stored in panels of `panelRows`; what a panel looks like inside is the kernel's own affair. `pack` and
/// `unpack` are inverse to each other on the file's bytes, so a packed matrix loses nothing.
///
/// A class, so that passing one on is a single reference count and not one for each function.
public final class MatrixKernel: Sendable {
  /// What tiles of tokens hold.
  public let activations: ActivationForm
  /// Rows interleaved in one panel.
  public let panelRows: Int
  /// Bytes of a panel of so many columns.
  public let panelByteCount: @Sendable (_ columns: Int) -> Int
  /// Packs `rowCount` rows (at most `panelRows`; the missing ones become zero) as they lie in the file.
  public let pack:
    @Sendable (
      _ rows: UnsafeRawPointer, _ rowByteCount: Int, _ rowCount: Int, _ columns: Int, _ panel: UnsafeMutableRawPointer
    ) -> Void
  /// The inverse of `pack`, for rows `firstRow ..< firstRow + rowCount` of the panel.
  public let unpack:
    @Sendable (
      _ panel: UnsafeRawPointer, _ columns: Int, _ firstRow: Int, _ rowCount: Int, _ rowByteCount: Int,
      _ rows: UnsafeMutableRawPointer
    ) -> Void
  /// `panelCount` panels times a tile of `width` (8, 4, 2 or 1) tokens: `out[t * stride + panelRows * p + r]`.
  public let multiply:
    @Sendable (
      _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer, _ width: Int,
      _ out: UnsafeMutablePointer<Float>, _ stride: Int
    ) -> Void

  /// Panels that `multiplyTiles` takes together: it does best with a multiple of them.
  public let panelsAtOnce: Int
  /// Bytes of scratch that `multiplyTiles` needs, aligned to 64.
  public let scratchByteCount: Int
  /// The same for `tileCount` tiles of eight tokens that follow each other: the same sums, bit for bit, as tile by tile.
  public let multiplyTiles:
    @Sendable (
      _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tiles: UnsafeRawPointer, _ tileCount: Int,
      _ scratch: UnsafeMutableRawPointer, _ out: UnsafeMutablePointer<Float>, _ stride: Int
    ) -> Void

  public typealias Multiply =
    @Sendable (UnsafeRawPointer, Int, Int, UnsafeRawPointer, Int, UnsafeMutablePointer<Float>, Int) -> Void
  public typealias MultiplyTiles =
    @Sendable (
      UnsafeRawPointer, Int, Int, UnsafeRawPointer, Int, UnsafeMutableRawPointer, UnsafeMutablePointer<Float>, Int
    ) -> Void

  /// - Parameter multiplyTiles: nil where nothing is gained by taking several tiles together.
  public init(
    activations: ActivationForm,
    panelRows: Int,
    panelByteCount: @escaping @Sendable (Int) -> Int,
    pack: @escaping @Sendable (UnsafeRawPointer, Int, Int, Int, UnsafeMutableRawPointer) -> Void,
    unpack: @escaping @Sendable (UnsafeRawPointer, Int, Int, Int, Int, UnsafeMutableRawPointer) -> Void,
    multiply: @escaping Multiply,
    panelsAtOnce: Int = 1,
    scratchByteCount: Int = 0,
    multiplyTiles: MultiplyTiles? = nil
  ) {
    self.activations = activations
    self.panelRows = panelRows
    self.panelByteCount = panelByteCount
    self.pack = pack
    self.unpack = unpack
    self.multiply = multiply
    self.panelsAtOnce = panelsAtOnce
    self.scratchByteCount = scratchByteCount
    self.multiplyTiles =
      multiplyTiles ?? { panels, panelCount, columns, tiles, tileCount, _, out, stride in
        let width = ActivationLayout.maximumWidth
        let tileByteCount = width * activations.byteCount(columns: columns)
        for tile in 0..<tileCount {
          multiply(
            panels, panelCount, columns, tiles + tile * tileByteCount, width, out + tile * width * stride, stride)
        }
      }
  }
}

extension MatrixKernel {
  /// A kernel whose panels are laid out as `layout` says.
  public convenience init(
    layout: PanelLayout, multiply: @escaping Multiply, panelsAtOnce: Int = 1, scratchByteCount: Int = 0,
    multiplyTiles: MultiplyTiles? = nil
  ) {
    self.init(
      activations: .int8, panelRows: layout.rows,
      panelByteCount: { layout.panelByteCount(columns: $0) },
      pack: { rows, rowByteCount, rowCount, columns, panel in
        layout.pack(rows, rowByteCount: rowByteCount, rowCount: rowCount, columns: columns, into: panel)
      },
      unpack: { panel, columns, firstRow, rowCount, rowByteCount, rows in
        layout.unpack(
          panel, columns: columns, firstRow: firstRow, rowCount: rowCount, rowByteCount: rowByteCount, into: rows)
      },
      multiply: multiply, panelsAtOnce: panelsAtOnce, scratchByteCount: scratchByteCount, multiplyTiles: multiplyTiles)
  }

  /// A kernel of float weights, whose panels are laid out as `layout` says.
  public convenience init(
    layout: FloatPanelLayout, multiply: @escaping Multiply, panelsAtOnce: Int = 1, scratchByteCount: Int = 0,
    multiplyTiles: MultiplyTiles? = nil
  ) {
    self.init(
      activations: .float, panelRows: layout.rows,
      panelByteCount: { layout.panelByteCount(columns: $0) },
      pack: { rows, rowByteCount, rowCount, columns, panel in
        layout.pack(rows, rowByteCount: rowByteCount, rowCount: rowCount, columns: columns, into: panel)
      },
      unpack: { panel, columns, firstRow, rowCount, rowByteCount, rows in
        layout.unpack(
          panel, columns: columns, firstRow: firstRow, rowCount: rowCount, rowByteCount: rowByteCount, into: rows)
      },
      multiply: multiply, panelsAtOnce: panelsAtOnce, scratchByteCount: scratchByteCount, multiplyTiles: multiplyTiles)
  }
}
