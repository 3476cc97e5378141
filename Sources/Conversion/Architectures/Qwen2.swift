import KingletErrors

/// Qwen 2 and 2.5: Llama with biases on queries, keys and values, and the halves of a head rotated against each other.
enum Qwen2: ModelFamily {
  static let classes = ["Qwen2ForCausalLM", "Qwen2Model"]

  static func describe(_ config: HuggingFaceConfig) throws(KingletError) -> Architecture {
    try config.require("hidden_act", in: [.string("silu")])
    try config.refuseSlidingWindow()
    return Architecture(
      name: "qwen2", prefixes: ["model."], metadata: try config.decoderMetadata(RotaryConfig(config)),
      tensors: try TensorRule.decoder(config, attentionBias: .required) + [.feedForwardNorm])
  }
}
