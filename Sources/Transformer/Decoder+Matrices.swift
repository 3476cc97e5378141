import KingletTensors

extension Decoder {
  /// The matrices of the layers, by the names that their tensors have in files.
  public var namedLayerMatrices: [(name: String, matrix: PackedMatrix)] {
    blocks.enumerated().flatMap { index, block in
      let w = block.weights
      return [
        ("attn_q", w.query), ("attn_k", w.key), ("attn_v", w.value), ("attn_output", w.output), ("ffn_gate", w.gate),
        ("ffn_up", w.up), ("ffn_down", w.down),
      ].map { (name: "blk.\(index).\($0.0).weight", matrix: $0.1) }
    }
  }
}
