import KingletErrors

/// Nomic Embed (Nussbaum et al. 2024): BERT with rotated positions and a gated feed-forward layer, and without biases.
enum NomicBert {
  static func describe(_ metadata: ModelMetadata) throws(KingletError) -> EncoderDescription {
    var description = try metadata.encoder(norm: .layer, placement: .afterResidual, activation: .silu, isGated: true)
    description.positions = .rotary
    description.rotations = [try metadata.rotation(headSize: description.headSize, base: "rope.freq_base")]
    description.embeddingNorm = .required
    description.normBias = .required
    description.tokenTypes = .optional
    description.attentionBias = .optional
    description.outputBias = .optional
    return description
  }
}
