import KingletErrors

/// ModernBERT (Warner et al. 2024): norms before blocks, without biases; layers that see a window around each token, with a
/// rotary base of their own, and every third one that sees everything; a gated feed-forward layer.
enum ModernBert {
  static func describe(_ metadata: ModelMetadata) throws(KingletError) -> EncoderDescription {
    var description = try metadata.encoder(norm: .layer, placement: .beforeBlock, activation: .gelu, isGated: true)
    if let name = try metadata.string("hidden_activation"), name != "gelu" {
      throw KingletError(.unsupported, "the activation '\(name)' is not supported", at: "modern-bert.hidden_activation")
    }
    description.positions = .rotary
    description.rotations = [
      try metadata.rotation(headSize: description.headSize, base: "rope.freq_base", or: 160000),
      try metadata.rotation(headSize: description.headSize, base: "rope.freq_base_swa"),
    ]
    description.embeddingNorm = .required
    description.normalizesFirstAttention = false
    let window = try metadata.integer("attention.sliding_window", in: 1...1 << 24)
    let period = try metadata.integer("attention.sliding_window_pattern", in: 1...512, or: 3)
    for index in description.layers.indices where index % period != 0 {
      description.layers[index] = .init(span: .around(window / 2), rotation: 1)
    }
    return description
  }
}
