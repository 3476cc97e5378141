import KingletErrors
import KingletGGUF

/// Llama and what is built like it: Llama 2 and 3, Mistral, SmolLM2, TinyLlama.
///
/// The format wants query and key rows with rotated pairs adjacent, and the frequency factors of Llama 3.1 as a tensor.
enum Llama: ModelFamily {
  static let classes = ["LlamaForCausalLM", "LlamaModel", "MistralForCausalLM", "MistralModel"]

  static func describe(_ config: HuggingFaceConfig) throws(KingletError) -> Architecture {
    try config.require("hidden_act", in: [.string("silu")])
    try config.refuseSlidingWindow()
    let rotary = try RotaryConfig(config)
    let headSize = try config.headSize()
    var metadata = try config.decoderMetadata(rotary)
    metadata += [
      ("vocab_size", .uint32(UInt32(try config.requiredInteger("vocab_size")))),
      ("rope.dimension_count", .uint32(UInt32(headSize))),
    ]
    var architecture = Architecture(
      name: "llama", prefixes: ["model."], metadata: metadata,
      tensors: try TensorRule.decoder(
        config, attentionBias: .optional, queryChange: .pairingHeads(config.headCount()),
        keyChange: .pairingHeads(config.keyHeadCount())) + [.feedForwardNorm],
      ignored: ["layers.*.self_attn.rotary_emb.inv_freq"])
    if let factors = try rotary.frequencyFactors(headSize: headSize) {
      architecture.computed = [("rope_freqs.weight", factors)]
    }
    return architecture
  }
}

extension TensorRule {
  /// The tensors of a decoder that norms what goes into attention and feed-forward, with a gate in the latter.
  static func decoder(
    _ config: HuggingFaceConfig, attentionBias: Presence, queryChange: Change = .none, keyChange: Change = .none,
    normChange: Change = .none
  ) throws(KingletError) -> [TensorRule] {
    let isTied = try config.isTrue("tie_word_embeddings")
    return [
      TensorRule("embed_tokens", "token_embd"),
      TensorRule("norm", "output_norm", change: normChange),
      // Models that only embed have no head.
      TensorRule("lm_head", isTied ? "" : "output", weight: .optional),
      TensorRule("layers.*.input_layernorm", "blk.*.attn_norm", change: normChange),
      TensorRule("layers.*.self_attn.q_proj", "blk.*.attn_q", bias: attentionBias, change: queryChange),
      TensorRule("layers.*.self_attn.k_proj", "blk.*.attn_k", bias: attentionBias, change: keyChange),
      TensorRule("layers.*.self_attn.v_proj", "blk.*.attn_v", bias: attentionBias),
      TensorRule("layers.*.self_attn.o_proj", "blk.*.attn_output", bias: .optional),
      TensorRule("layers.*.mlp.gate_proj", "blk.*.ffn_gate"),
      TensorRule("layers.*.mlp.up_proj", "blk.*.ffn_up"),
      TensorRule("layers.*.mlp.down_proj", "blk.*.ffn_down"),
    ]
  }

  /// The norm before the feed-forward part where it is the only one there.
  static let feedForwardNorm = TensorRule("layers.*.post_attention_layernorm", "blk.*.ffn_norm")
}

extension HuggingFaceConfig {
  /// The format knows no window for the architectures that may have one here, so none may have an effect.
  func refuseSlidingWindow() throws(KingletError) {
    guard let window = try integer("sliding_window"), self["use_sliding_window"] != .bool(false) else { return }
    guard window >= (try requiredInteger("max_position_embeddings")) else {
      throw unsupported(["sliding_window"], "a window of \(window) tokens has no place in the format")
    }
  }
}
