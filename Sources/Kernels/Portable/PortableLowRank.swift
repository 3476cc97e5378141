import KingletQuants

/// The references of the kernels of low-rank updates.
enum PortableLowRank {
  static func project(_ p: LowRankProjection) {
    let (panelRows, panelColumns) = (LowRankProjection.panelRows, LowRankProjection.panelColumns)
    let panelCount = LowRankProjection.panelCount(columns: p.columns)
    for token in 0..<p.tokenCount {
      let x = p.x + token * p.xStride
      for k in 0..<p.rank {
        let row = k / panelRows * panelCount + k % panelRows * panelColumns
        // Sixteen sums, as dot products of floats have.
        var sums = SIMD16<Float>(repeating: 0)
        for first in stride(from: 0, to: p.columns, by: panelColumns) {
          for lane in 0..<min(panelColumns, p.columns - first) {
            sums[lane] += p.precision.value(p.a, row + first * panelRows + lane) * x[first + lane]
          }
        }
        p.out[token * p.outStride + k] = p.strength * sums.sum()
      }
    }
  }

  static func add(_ t: LowRankAddition) {
    let panelRows = LowRankAddition.panelRows
    for token in 0..<t.tokenCount {
      let (out, low) = (t.out + token * t.outStride, t.low + token * t.lowStride)
      for i in 0..<t.rowCount {
        let row = t.firstRow + i
        let first = row / panelRows * panelRows * t.rank + row % panelRows
        var sum = out[i] * (t.factors?[i] ?? 1)
        for k in 0..<t.rank { sum += t.precision.value(t.b, first + k * panelRows) * low[k] }
        out[i] = sum
      }
    }
  }
}

extension FactorPrecision {
  /// A number of a factor.
  @inline(__always)
  fileprivate func value(_ factor: UnsafeRawPointer, _ index: Int) -> Float {
    switch self {
    case .single: factor.load(fromByteOffset: 4 * index, as: Float.self)
    case .half: Half(bits: factor.load(fromByteOffset: 2 * index, as: UInt16.self)).float
    }
  }
}
