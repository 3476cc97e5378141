import KingletErrors

/// BERT (Devlin et al. 2018) and what is built like it: MiniLM, BGE, E5, GTE, RoBERTa and XLM-RoBERTa.
///
/// Norms follow residuals, positions are a table. RoBERTa counts its positions from two; the converter cuts the rows before
/// off, so that here all begin at zero.
enum Bert {
  static func describe(_ metadata: ModelMetadata) throws(KingletError) -> EncoderDescription {
    var description = try metadata.encoder(norm: .layer, placement: .afterResidual, activation: .gelu, isGated: false)
    description.positions = .learned
    description.embeddingNorm = .required
    description.normBias = .required
    description.tokenTypes = .optional
    description.attentionBias = .required
    description.outputBias = .required
    return description
  }
}
