import KingletAdapters
import KingletEmbedding
import KingletErrors
import KingletGeneration
import KingletTokenizers
import KingletTransformer

/// A model that turns texts into vectors, loaded and ready.
///
/// ```swift
/// let model = try await EmbeddingModel.load("minilm")
/// let vectors = try await model.embed(["small bird", "tiny engine"])   // of unit length: their dot product is the cosine
/// ```
///
/// `Sendable` and to be shared; calls from several tasks run side by side.
public final class EmbeddingModel: Sendable {
  /// What the model is, and what it takes.
  public let description: EmbeddingModelDescription
  public let tokenizer: Tokenizer
  /// For those who have tokens rather than texts.
  public let embedder: Embedder

  init(description: EmbeddingModelDescription, tokenizer: Tokenizer, embedder: Embedder) {
    self.description = description
    self.tokenizer = tokenizer
    self.embedder = embedder
  }

  /// Makes an adapter ready for this model, whose weights stay as they are. Let go of, it is unloaded.
  ///
  /// - Throws: `.invalidArgument`, naming the tensor and both sides, for an adapter of another base; `.unsupported` for
  ///   one that is switched on by tokens.
  public func load(_ adapter: Adapter) throws(KingletError) -> LoadedAdapter {
    try embedder.encoder.load(adapter)
  }

  /// The same model with adapters applied to every text; both stay usable and share their weights.
  ///
  /// - Throws: `.invalidArgument` for an adapter that was made ready for another model.
  public func adapted(by adapters: [AppliedAdapter]) throws(KingletError) -> EmbeddingModel {
    EmbeddingModel(description: description, tokenizer: tokenizer, embedder: try embedder.adapted(by: adapters))
  }

  /// The vectors of some texts, in their order: of unit length unless `options` say otherwise, each of `dimensions`
  /// numbers.
  ///
  /// - Parameter task: what the texts are for; some models want words before them that say it.
  /// - Throws: `.contextOverflow`, naming the text's index and both lengths, for a text longer than the model's window
  ///   unless `options` choose another way; `.invalidArgument`; `.cancelled` when the calling task is.
  public func embed(
    _ texts: [String], task: EmbeddingTask = .plain, options: EmbeddingOptions = .init()
  ) async throws(KingletError) -> [[Float]] {
    try await embeddings(of: texts, task: task, options: options).map(\.vector)
  }

  /// The same into a buffer of the caller's, which becomes `[texts, dimensions]`, row by row, reusing its storage.
  public func embed(
    _ texts: [String], task: EmbeddingTask = .plain, options: EmbeddingOptions = .init(), into buffer: inout [Float]
  ) async throws(KingletError) {
    let embeddings = try await embeddings(of: texts, task: task, options: options)
    buffer.removeAll(keepingCapacity: true)
    for embedding in embeddings { buffer.append(contentsOf: embedding.vector) }
  }

  /// The same with an account of what became of each text.
  public func embeddings(
    of texts: [String], task: EmbeddingTask = .plain, options: EmbeddingOptions = .init()
  ) async throws(KingletError) -> [Embedding] {
    try await DedicatedThread.run { [self] isCancelled throws(KingletError) in
      var result: [Embedding] = []
      result.reserveCapacity(texts.count)
      let tokens = texts.lazy.map { self.tokens(of: $0, task: task) }
      try embedder.embed(tokens, options: options, isCancelled: isCancelled) { result.append($1) }
      return result
    }.get()
  }

  /// Scores texts by how well they answer a query, with a cross-encoder: higher is better, in the order of `texts`.
  ///
  /// - Throws: `.unsupported` for a model that has no head for it, `.contextOverflow`, naming the text's index, for a
  ///   query and a text that are together longer than the model's window, unless they may be truncated.
  public func rank(
    _ texts: [String], for query: String, overflow: EmbeddingOptions.Overflow = .error
  ) async throws(KingletError) -> [Float] {
    try await DedicatedThread.run { [self] isCancelled throws(KingletError) in
      var scores: [Float] = []
      try embedder.rank(
        texts.map { tokens(of: $0) }, for: tokens(of: query), overflow: overflow, isCancelled: isCancelled
      ) { _, score, _ in scores.append(score) }
      return scores
    }.get()
  }

  /// The tokens of a text as `Embedder` takes them: without those that the model wants around it.
  ///
  /// The spelling of a control token in the text becomes that token, as where these models were trained and measured: an
  /// encoder obeys nobody, so there is nothing that a stranger's text could make it do.
  public func tokens(of text: String, task: EmbeddingTask = .plain) -> [Int32] {
    tokenizer.encode(task.prefix + text, addSpecial: false, parseSpecial: true)
  }
}
