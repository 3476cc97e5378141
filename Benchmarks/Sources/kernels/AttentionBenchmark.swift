import KingletTensors

/// Attention of one token over a long context, in several layers.
struct AttentionBenchmark: KernelBenchmark {
  let type: KVElement
  let headCount: Int
  let keyHeadCount: Int
  let headSize: Int
  let depth: Int

  var name: String { "attend \("\(type)".uppercased()) \(headCount)/\(keyHeadCount)x\(headSize) @\(depth)" }

  func prepare(_ compute: Compute) throws -> Work {
    let shape = AttentionShape(
      headCount: headCount, keyHeadCount: keyHeadCount, headSize: headSize, pairing: .halves,
      scale: 1 / Float(headSize).squareRoot(), queryNorm: nil, keyNorm: nil)
    let rotary = RotaryTable(rotated: headSize, base: 10_000)
    let (q, out) = (FloatMatrix(columns: headCount * headSize), FloatMatrix(columns: headCount * headSize))
    let (k, v) = (FloatMatrix(columns: keyHeadCount * headSize), FloatMatrix(columns: keyHeadCount * headSize))
    func attend(rows: Int, start: Int, _ layer: KVLayer) throws {
      for matrix in [q, k, v] where matrix.rows != rows { try matrix.fill(rows: rows) }
      try compute.attend(q: q, k: k, v: v, shape: shape, rotary: rotary, cache: layer, start: start, to: out)
    }

    // As in a cache, which takes the pages of all its layers from one store.
    let store = KVPageStore()
    var layers: [KVLayer] = []
    var byteCount = 0
    while byteCount < Work.leastByteCount {
      let layer = KVLayer(headCount: keyHeadCount, headSize: headSize, type: type, window: nil, store: store)
      for start in stride(from: 0, to: depth, by: 256) { try attend(rows: 256, start: start, layer) }
      layers.append(layer)
      byteCount += layer.byteCountSeen(from: depth)
    }
    let run = { [layers] in
      for layer in layers { try attend(rows: 1, start: depth, layer) }
    }
    try run()
    return Work(
      byteCount: byteCount, operationCount: 4 * layers.count * headCount * headSize * (depth + 1), run: run)
  }
}
