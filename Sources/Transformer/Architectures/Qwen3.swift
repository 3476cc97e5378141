import KingletErrors

/// Qwen3 (Yang et al. 2025): llama without biases, with norms on queries and keys, rotated by halves.
enum Qwen3 {
  static func describe(_ metadata: ModelMetadata) throws(KingletError) -> DecoderDescription {
    var description = try metadata.common(activation: .silu, pairing: .halves)
    description.queryKeyNorm = .required
    return description
  }
}
