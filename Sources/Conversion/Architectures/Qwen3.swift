import KingletErrors

/// Qwen 3: Qwen 2 with norms of queries and keys in place of biases. As an embedder, its folder says how vectors are
/// pooled.
enum Qwen3: ModelFamily {
  static let classes = ["Qwen3ForCausalLM", "Qwen3Model"]

  static func describe(_ config: HuggingFaceConfig) throws(KingletError) -> Architecture {
    try config.require("hidden_act", in: [.string("silu")])
    try config.refuseSlidingWindow()
    return Architecture(
      name: "qwen3", prefixes: ["model."], metadata: try config.decoderMetadata(RotaryConfig(config)),
      tensors: try TensorRule.decoder(config, attentionBias: .absent) + TensorRule.headNorms() + [.feedForwardNorm])
  }
}

extension TensorRule {
  /// Norms of the queries and keys of each head.
  static func headNorms(change: Change = .none) -> [TensorRule] {
    [
      TensorRule("layers.*.self_attn.q_norm", "blk.*.attn_q_norm", change: change),
      TensorRule("layers.*.self_attn.k_norm", "blk.*.attn_k_norm", change: change),
    ]
  }
}
