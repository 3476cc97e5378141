import KingletErrors

/// EmbeddingGemma (Schechter Vera et al. 2025): Gemma 3 that sees both ways. Its windows reach half their size to either
/// side; what follows pooling are projections, in files that have them.
enum GemmaEmbedding {
  static func describe(_ metadata: ModelMetadata) throws(KingletError) -> EncoderDescription {
    let decoder = try Gemma3.describe(metadata)
    var description = EncoderDescription(decoder, pooling: try metadata.pooling() ?? .mean)
    for (index, layer) in decoder.layers.enumerated() {
      description.layers[index].span = layer.window.map { .around($0 / 2) } ?? .everything
    }
    return description
  }
}
