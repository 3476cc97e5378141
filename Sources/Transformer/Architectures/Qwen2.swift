import KingletErrors

/// Qwen2 and Qwen2.5 (Yang et al. 2024): llama with biases on queries, keys and values, rotated by halves.
enum Qwen2 {
  static func describe(_ metadata: ModelMetadata) throws(KingletError) -> DecoderDescription {
    var description = try metadata.common(activation: .silu, pairing: .halves)
    description.attentionBias = .required
    return description
  }
}
