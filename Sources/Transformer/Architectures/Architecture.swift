import KingletErrors
import KingletGGUF

/// The architectures Kinglet runs, by the name in `general.architecture`.
enum Architecture {
  static let descriptions: [String: @Sendable (ModelMetadata) throws(KingletError) -> DecoderDescription] = [
    "llama": Llama.describe,
    "qwen2": Qwen2.describe,
    "qwen3": Qwen3.describe,
    "gemma3": Gemma3.describe,
  ]

  /// Those that only encode. Decoders encode as well.
  static let encoders: [String: @Sendable (ModelMetadata) throws(KingletError) -> EncoderDescription] = [
    "bert": Bert.describe,
    "nomic-bert": NomicBert.describe,
    "jina-bert-v2": JinaBert.describe,
    "modern-bert": ModernBert.describe,
    "gemma-embedding": GemmaEmbedding.describe,
  ]

  static func describe(_ file: GGUFFile) throws(KingletError) -> DecoderDescription {
    let name = try file.metadata.requiredString("general.architecture")
    guard let describe = descriptions[name] else {
      throw encoders[name] == nil
        ? unsupported(name)
        : KingletError(
          .unsupported, "a model of the architecture '\(name)' encodes texts and does not write any",
          at: "general.architecture", remedy: "Use it for embeddings.")
    }
    return try describe(ModelMetadata(architecture: name, file: file))
  }

  static func describeEncoder(_ file: GGUFFile) throws(KingletError) -> EncoderDescription {
    let name = try file.metadata.requiredString("general.architecture")
    let metadata = ModelMetadata(architecture: name, file: file)
    if let describe = encoders[name] { return try describe(metadata) }
    guard let describe = descriptions[name] else { throw unsupported(name) }
    return EncoderDescription(try describe(metadata), pooling: try metadata.pooling() ?? .last)
  }

  private static func unsupported(_ name: String) -> KingletError {
    KingletError(
      .unsupported, "the architecture '\(name)' is not supported", at: "general.architecture",
      remedy: "Kinglet runs: \((Array(descriptions.keys) + encoders.keys).sorted().joined(separator: ", ")).")
  }
}
