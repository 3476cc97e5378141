import KingletErrors

/// Llama (Touvron et al. 2023) and what is built like it: Llama 2 and 3, Mistral, SmolLM2, TinyLlama.
///
/// The converter permutes query and key rows so that rotated pairs are adjacent. Llama 3.1 divides rotary frequencies by
/// factors that the file holds ready-made in `rope_freqs.weight`.
enum Llama {
  static func describe(_ metadata: ModelMetadata) throws(KingletError) -> DecoderDescription {
    if try metadata.integer("expert_count", in: 0...1 << 16, or: 0) > 0 {
      throw KingletError(.unsupported, "mixtures of experts are not supported", at: "llama.expert_count")
    }
    var description = try metadata.common(activation: .silu, pairing: .adjacent)
    description.rotations[0].usesFrequencyFactors = true
    description.attentionBias = .optional
    return description
  }
}
