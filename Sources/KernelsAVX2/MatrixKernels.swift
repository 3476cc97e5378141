import KingletKernels
import KingletQuants

// Each type's layout beside its kernel. The entry points are never inlined: no instruction of this room may end up in a
// function that runs before the processor has been asked.

extension MatrixKernel {
  /// Panels of 8 rows for the types that have an AVX2 kernel.
  static func avx2(_ type: QuantType) -> MatrixKernel? {
    switch type {
    case .q4_0: panels(type, [.words(at: 2, count: 4), .halves(at: 0, count: 1)], multiplyQ4_0)
    case .q4_1: panels(type, [.words(at: 4, count: 4), .halves(at: 0, count: 2)], multiplyQ4_1)
    case .q5_0: panels(type, [.words(at: 6, count: 4), .bitColumns(at: 2), .halves(at: 0, count: 1)], multiplyQ5_0)
    case .q5_1: panels(type, [.words(at: 8, count: 4), .bitColumns(at: 4), .halves(at: 0, count: 2)], multiplyQ5_1)
    case .q8_0: panels(type, [.words(at: 2, count: 8), .halves(at: 0, count: 1)], multiplyQ8_0)
    case .q2_K:
      panels(type, [.words(at: 16, count: 16), .bytes(at: 0, count: 16), .halves(at: 80, count: 2)], multiplyQ2_K)
    case .q3_K:
      panels(
        type,
        [
          .words(at: 32, count: 16), .words(at: 0, count: 8), .sixBitScales(at: 96, coding: .q3_K),
          .halves(at: 108, count: 1),
        ],
        multiplyQ3_K)
    case .q4_K:
      panels(
        type, [.words(at: 16, count: 32), .words(at: 4, count: 3), .halves(at: 0, count: 2)], multiplyQ4_K)
    case .q5_K:
      panels(
        type,
        [.words(at: 48, count: 32), .words(at: 16, count: 8), .words(at: 4, count: 3), .halves(at: 0, count: 2)],
        multiplyQ5_K)
    case .q6_K:
      panels(
        type,
        [.words(at: 0, count: 32), .words(at: 128, count: 16), .bytes(at: 192, count: 16), .halves(at: 208, count: 1)],
        multiplyQ6_K)
    case .iq4_NL: panels(type, [.words(at: 2, count: 4), .halves(at: 0, count: 1)], multiplyIQ4_NL)
    case .iq4_XS:
      panels(
        type, [.words(at: 8, count: 32), .sixBitScales(at: 2, coding: .iq4_XS), .halves(at: 0, count: 1)],
        multiplyIQ4_XS)
    default: nil
    }
  }

  private static func panels(
    _ type: QuantType, _ fields: [PanelLayout.Field],
    _ multiply:
      @escaping @Sendable (
        UnsafeRawPointer, Int, Int, UnsafeRawPointer, Int, UnsafeMutablePointer<Float>, Int
      ) -> Void
  ) -> MatrixKernel {
    MatrixKernel(layout: PanelLayout(type: type, rows: 8, fields: fields), multiply: multiply)
  }
}

@inline(never)
private func multiplyQ4_0(
  _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer, _ width: Int,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  multiplyPanels(FormatQ4_0.self, panels, panelCount, columns, tile, width, out, stride)
}

@inline(never)
private func multiplyQ4_1(
  _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer, _ width: Int,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  multiplyPanels(FormatQ4_1.self, panels, panelCount, columns, tile, width, out, stride)
}

@inline(never)
private func multiplyQ5_0(
  _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer, _ width: Int,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  multiplyPanels(FormatQ5_0.self, panels, panelCount, columns, tile, width, out, stride)
}

@inline(never)
private func multiplyQ5_1(
  _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer, _ width: Int,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  multiplyPanels(FormatQ5_1.self, panels, panelCount, columns, tile, width, out, stride)
}

@inline(never)
private func multiplyQ8_0(
  _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer, _ width: Int,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  multiplyPanels(FormatQ8_0.self, panels, panelCount, columns, tile, width, out, stride)
}

@inline(never)
private func multiplyQ4_K(
  _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer, _ width: Int,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  multiplyPanels(FormatQ4_K.self, panels, panelCount, columns, tile, width, out, stride)
}

@inline(never)
private func multiplyQ5_K(
  _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer, _ width: Int,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  multiplyPanels(FormatQ5_K.self, panels, panelCount, columns, tile, width, out, stride)
}

@inline(never)
private func multiplyQ6_K(
  _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer, _ width: Int,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  multiplyPanels(FormatQ6_K.self, panels, panelCount, columns, tile, width, out, stride)
}

@inline(never)
private func multiplyQ2_K(
  _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer, _ width: Int,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  multiplyPanels(FormatQ2_K.self, panels, panelCount, columns, tile, width, out, stride)
}

@inline(never)
private func multiplyQ3_K(
  _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer, _ width: Int,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  multiplyPanels(FormatQ3_K.self, panels, panelCount, columns, tile, width, out, stride)
}

@inline(never)
private func multiplyIQ4_NL(
  _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer, _ width: Int,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  multiplyPanels(FormatIQ4_NL.self, panels, panelCount, columns, tile, width, out, stride)
}

@inline(never)
private func multiplyIQ4_XS(
  _ panels: UnsafeRawPointer, _ panelCount: Int, _ columns: Int, _ tile: UnsafeRawPointer, _ width: Int,
  _ out: UnsafeMutablePointer<Float>, _ stride: Int
) {
  multiplyPanels(FormatIQ4_XS.self, panels, panelCount, columns, tile, width, out, stride)
}
