import KingletKernels
import KingletQuants

// Each type's layout beside its kernel.

extension MatrixKernel {
  /// Panels of 16 rows for the types that have an AVX-512 kernel.
  static func avx512(_ type: QuantType) -> MatrixKernel? {
    switch type {
    case .q4_0: panels(FormatQ4_0.self, type, [.words(at: 2, count: 4), .halves(at: 0, count: 1)])
    case .q4_1: panels(FormatQ4_1.self, type, [.words(at: 4, count: 4), .halves(at: 0, count: 2)])
    case .q5_0: panels(FormatQ5_0.self, type, [.words(at: 6, count: 4), .bitPlane(at: 2), .halves(at: 0, count: 1)])
    case .q5_1: panels(FormatQ5_1.self, type, [.words(at: 8, count: 4), .bitPlane(at: 4), .halves(at: 0, count: 2)])
    case .q8_0: panels(FormatQ8_0.self, type, [.words(at: 2, count: 8), .halves(at: 0, count: 1)])
    case .q2_K:
      panels(FormatQ2_K.self, type, [.words(at: 16, count: 16), .bytes(at: 0, count: 16), .halves(at: 80, count: 2)])
    case .q3_K:
      panels(
        FormatQ3_K.self, type,
        [
          .words(at: 32, count: 16), .words(at: 0, count: 8), .sixBitScales(at: 96, coding: .q3_K),
          .halves(at: 108, count: 1),
        ])
    case .q4_K:
      panels(FormatQ4_K.self, type, [.words(at: 16, count: 32), .words(at: 4, count: 3), .halves(at: 0, count: 2)])
    case .q5_K:
      panels(
        FormatQ5_K.self, type,
        [.words(at: 48, count: 32), .words(at: 16, count: 8), .words(at: 4, count: 3), .halves(at: 0, count: 2)])
    case .q6_K:
      panels(
        FormatQ6_K.self, type,
        [.words(at: 0, count: 32), .words(at: 128, count: 16), .bytes(at: 192, count: 16), .halves(at: 208, count: 1)])
    case .iq4_NL: panels(FormatIQ4_NL.self, type, [.words(at: 2, count: 4), .halves(at: 0, count: 1)])
    case .iq4_XS:
      panels(
        FormatIQ4_XS.self, type,
        [.words(at: 8, count: 32), .sixBitScales(at: 2, coding: .iq4_XS), .halves(at: 0, count: 1)])
    default: nil
    }
  }

  private static func panels<Format: PanelFormat>(
    _ format: Format.Type, _ type: QuantType, _ fields: [PanelLayout.Field]
  ) -> MatrixKernel {
    MatrixKernel(
      layout: PanelLayout(type: type, rows: 16, fields: fields),
      multiply: { panels, panelCount, columns, tile, width, out, stride in
        multiplyPanels(format, panels, panelCount, columns, tile, width, out, stride)
      },
      panelsAtOnce: 2, scratchByteCount: unpackedByteCount,
      multiplyTiles: { panels, panelCount, columns, tiles, tileCount, scratch, out, stride in
        multiplyUnpacked(format, panels, panelCount, columns, tiles, tileCount, scratch, out, stride)
      })
  }
}
