import KingletEmbedding
import KingletErrors
import KingletGGUF
import KingletGeneration
import KingletTensors
import KingletTokenizers
import KingletTransformer

extension EmbeddingModel {
  /// Loads a model: an encoder, or a decoder whose hidden states are wanted.
  ///
  /// The work is done on threads of its own; cancelling the calling task stops it.
  ///
  /// - Parameters:
  ///   - model: The path of a GGUF file or a Hugging Face folder, or a name of the catalogue.
  ///   - progress: Told the fraction of the weights that is ready, from some thread.
  /// - Throws: what is wrong with the name, the file or the options; `.cancelled`.
  public static func load(
    _ model: String, compute: ComputeOptions = .init(), progress: (@Sendable (Double) -> Void)? = nil
  ) async throws(KingletError) -> EmbeddingModel {
    let file = try await DedicatedThread.run { _ throws(KingletError) in try GGUFFile(path: modelPath(of: model)) }
      .get()
    async let tokenizer = DedicatedThread.run { _ throws(KingletError) in try Tokenizer.load(from: file) }
    async let encoder = DedicatedThread.run { isCancelled throws(KingletError) in
      try Encoder.load(file, compute: compute, progress: progress, isCancelled: isCancelled)
    }
    return try EmbeddingModel(file, try await encoder.get(), try await tokenizer.get())
  }

  private convenience init(
    _ file: GGUFFile, _ encoder: Encoder, _ tokenizer: Tokenizer
  ) throws(KingletError) {
    guard tokenizer.vocabularySize <= encoder.vocabularySize else {
      throw KingletError(
        .fileCorrupt,
        "the vocabulary has \(tokenizer.vocabularySize) tokens, the weights know \(encoder.vocabularySize)",
        at: file.path)
    }
    let window = try file.metadata.integer(windowKey)
    if let window, window < 1 { throw KingletError(.fileCorrupt, "\(window) is no length", at: windowKey) }
    let embedder = Embedder(
      encoder, frame: TextFrame(tokenizer), window: window,
      normalizes: try file.metadata.bool(normalizationKey) ?? true)
    self.init(
      description: try EmbeddingModelDescription(file, embedder), tokenizer: tokenizer, embedder: embedder)
  }
}

// What sentence-transformers notes beside a model and the format has no keys for; our converter writes them.

/// The longest text that a sentence encoder was made for, often less than its table of positions would allow.
private let windowKey = "kinglet.embedding.max_tokens"
/// Whether its vectors are scaled to unit length.
private let normalizationKey = "kinglet.embedding.normalize"

extension TextFrame {
  /// What a vocabulary says is to stand around texts.
  init(_ tokenizer: Tokenizer) {
    let special = tokenizer.special
    let suffix = [special.ending].compactMap { $0 }
    // RoBERTa and its kin end the first of two texts and then begin the second; BERT has one token for both.
    let separator = special.addsSeparator && special.addsEOS ? [special.separator].compactMap { $0 } : []
    self.init(
      prefix: special.addsBOS ? [special.bos].compactMap { $0 } : [], suffix: suffix, separator: suffix + separator)
  }
}
