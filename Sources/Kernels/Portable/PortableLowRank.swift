/// The references of the kernels of low-rank updates.
enum PortableLowRank {
  static func project(_ p: LowRankProjection) {
    for token in 0..<p.tokenCount {
      for k in 0..<p.rank {
        let sum = PortableVectors.dot(p.a + k * p.aStride, p.x + token * p.xStride, p.columns)
        p.out[token * p.outStride + k] = p.strength * sum
      }
    }
  }

  static func add(_ t: LowRankAddition) {
    let panelRows = LowRankAddition.panelRows
    for token in 0..<t.tokenCount {
      let (out, low) = (t.out + token * t.outStride, t.low + token * t.lowStride)
      for i in 0..<t.rowCount {
        let row = t.firstRow + i
        let b = t.b + row / panelRows * panelRows * t.rank + row % panelRows
        var sum = out[i] * (t.factors?[i] ?? 1)
        for k in 0..<t.rank { sum += b[k * panelRows] * low[k] }
        out[i] = sum
      }
    }
  }
}
