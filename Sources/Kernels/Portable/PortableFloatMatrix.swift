import KingletQuants

/// The reference of every product of float weights: panels of 16 rows, a running sum for each row.
///
/// The columns of a sum are added one by one, in ascending order, whatever rows and tokens are computed with it. The
/// kernels of other instruction sets do the same, but with fused multiplications and additions.
enum PortableFloatMatrix {
  private static let panelRows = 16
  private typealias Rows = SIMD16<Float>

  static let singles = kernel(.f32) { weights, count, out in
    UnsafeMutableRawPointer(out).copyMemory(from: weights, byteCount: count * MemoryLayout<Float>.stride)
  }

  /// The kernel of F32, F16 or BF16; nil for other types.
  static func kernel(for type: QuantType) -> MatrixKernel? {
    switch type {
    case .f32: singles
    case .f16, .bf16: type.dequantizer.map { kernel(type, $0) }
    default: nil
    }
  }

  private static func kernel(_ type: QuantType, _ dequantize: @escaping Dequantizer) -> MatrixKernel {
    MatrixKernel(
      layout: FloatPanelLayout(type: type, rows: panelRows),
      multiply: { panels, panelCount, columns, tile, width, out, stride in
        let x = tile.assumingMemoryBound(to: Float.self)
        let count = columns * panelRows
        withUnsafeTemporaryAllocation(byteCount: count * MemoryLayout<Float>.stride, alignment: 64) { buffer in
          guard let floats = buffer.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
          for panel in 0..<panelCount {
            // Element by element: what is widened stays where it is.
            dequantize(panels + panel * count * type.blockByteCount, count, floats)
            for token in 0..<width {
              let sums = multiply(floats, x + token, columns, step: width)
              UnsafeMutableRawPointer(out + token * stride + panel * panelRows).storeBytes(of: sums, as: Rows.self)
            }
          }
        }
      })
  }

  /// One panel times a token whose activations are `step` apart.
  private static func multiply(
    _ weights: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ columns: Int, step: Int
  ) -> Rows {
    var sums = Rows(repeating: 0)
    let weights = UnsafeRawPointer(weights)
    for column in 0..<columns {
      sums += weights.load(fromByteOffset: column * MemoryLayout<Rows>.size, as: Rows.self) * x[column * step]
    }
    return sums
  }
}
