import KingletQuants

/// The reference of every quantised product: rows as they lie in the file, dequantised block by block, times the
/// activations that int8 rounding left.
enum PortableMatrix {
  static func kernel(for type: QuantType) -> MatrixKernel? {
    guard type.takesRoundedActivations, let dequantize = type.dequantizer else { return nil }
    // A panel is one row, unchanged.
    return MatrixKernel(
      activations: .int8, panelRows: 1,
      panelByteCount: { columns in columns / type.blockSize * type.blockByteCount },
      pack: { rows, rowByteCount, _, _, panel in panel.copyMemory(from: rows, byteCount: rowByteCount) },
      unpack: { panel, _, _, _, rowByteCount, rows in rows.copyMemory(from: panel, byteCount: rowByteCount) },
      multiply: { rows, rowCount, columns, tile, width, out, stride in
        multiply(type, dequantize, rows, rowCount, columns, tile, width, out, stride)
      },
      // As many as the kernel of floats has in a panel, for when these are dequantised.
      panelsAtOnce: 16)
  }

  private static func multiply(
    _ type: QuantType, _ dequantize: Dequantizer, _ rows: UnsafeRawPointer, _ rowCount: Int, _ columns: Int,
    _ tile: UnsafeRawPointer, _ width: Int, _ out: UnsafeMutablePointer<Float>, _ stride: Int
  ) {
    let blockCount = columns / type.blockSize
    withUnsafeTemporaryAllocation(of: Float.self, capacity: type.blockSize) { weights in
      guard let values = weights.baseAddress else { return }
      for row in 0..<rowCount {
        for token in 0..<width { out[token * stride + row] = 0 }
        for block in 0..<blockCount {
          dequantize(rows + (row * blockCount + block) * type.blockByteCount, type.blockSize, values)
          for token in 0..<width {
            out[token * stride + row] += dot(values, type.blockSize, tile, width, token, block * type.blockSize)
          }
        }
      }
    }
  }

  /// Sum of `weights[i] * activation[column + i]` over `count` columns of one token.
  private static func dot(
    _ weights: UnsafePointer<Float>, _ count: Int, _ tile: UnsafeRawPointer, _ width: Int, _ token: Int, _ column: Int
  ) -> Float {
    var sum: Float = 0
    for first in stride(from: 0, to: count, by: ActivationLayout.scaleColumns) {
      let record = tile + ActivationLayout.byteCount(columns: (column + first) / 32 * 32) * width
      let half = (column + first) % 32 / ActivationLayout.scaleColumns
      let q = record + token * 32 + half * 16
      var part: Float = 0
      for i in 0..<ActivationLayout.scaleColumns {
        part += weights[first + i] * Float(q.load(fromByteOffset: i, as: Int8.self))
      }
      sum += part * record.load(fromByteOffset: ActivationLayout.scaleOffset(width, token) + 4 * half, as: Float.self)
    }
    return sum
  }
}

extension QuantType {
  /// Whether weights of this type meet activations rounded to int8, under every table: the types with packed kernels.
  ///
  /// Others keep float activations and are dequantised on the way, so that a model gives the same results, but for the
  /// last bits, whatever the processor.
  var takesRoundedActivations: Bool {
    switch self {
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL, .iq4_XS: true
    default: false
    }
  }
}
