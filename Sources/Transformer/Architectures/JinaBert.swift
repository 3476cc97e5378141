import KingletErrors

/// Jina Embeddings 2 (Günther et al. 2023): BERT with linear biases for positions, to both sides, and a gated feed-forward
/// layer whose gate is the first half of one matrix.
enum JinaBert {
  static func describe(_ metadata: ModelMetadata) throws(KingletError) -> EncoderDescription {
    var description = try metadata.encoder(norm: .layer, placement: .afterResidual, activation: .gelu, isGated: true)
    description.positions = .linearBias
    description.embeddingNorm = .required
    description.normBias = .required
    description.tokenTypes = .optional
    description.attentionBias = .required
    description.outputBias = .required
    return description
  }
}
