import KingletErrors
import KingletGGUF
import KingletGeneration
import KingletTensors
import KingletTokenizers
import KingletTransformer

extension LanguageModel {
  /// The longest context that is not asked for: keys and values of more would surprise small machines.
  public static let defaultContextLimit = 8192

  /// How a model is loaded.
  public struct LoadOptions: Sendable {
    /// Positions that each conversation may fill, at most what the model was trained for; nil means that, capped at
    /// `defaultContextLimit`. `ModelDescription/cacheByteCount` says what it takes; storage grows as it is needed.
    public var contextLength: Int?
    public var cacheType: KVType
    public var compute: ComputeOptions
    /// How many requests are answered at once, and what their keys and values may take.
    public var engine: EngineOptions
    /// The source of a chat template to use in place of the file's.
    public var template: String?

    public init(
      contextLength: Int? = nil, cacheType: KVType = .f16, compute: ComputeOptions = .init(),
      engine: EngineOptions = .init(), template: String? = nil
    ) {
      self.contextLength = contextLength
      self.cacheType = cacheType
      self.compute = compute
      self.engine = engine
      self.template = template
    }
  }

  /// Loads a model.
  ///
  /// The work is done on threads of its own; cancelling the calling task stops it.
  ///
  /// - Parameters:
  ///   - model: the path of a GGUF file or a Hugging Face folder, or a name of the catalogue.
  ///   - progress: told the fraction of the weights that is ready, from some thread.
  /// - Throws: what is wrong with the name, the file or the options; `.cancelled`.
  public static func load(
    _ model: String, options: LoadOptions = .init(), progress: (@Sendable (Double) -> Void)? = nil
  ) async throws(KingletError) -> LanguageModel {
    let start = ContinuousClock.now
    let file = try await DedicatedThread.run { _ throws(KingletError) in try GGUFFile(path: modelPath(of: model)) }
      .get()
    // The vocabulary is read while the weights are packed.
    async let tokenizer = DedicatedThread.run { _ throws(KingletError) in try Tokenizer.load(from: file) }
    async let decoder = DedicatedThread.run { isCancelled throws(KingletError) in
      try Decoder.load(file, options: .init(compute: options.compute), progress: progress, isCancelled: isCancelled)
    }
    return try LanguageModel(file, try await decoder.get(), try await tokenizer.get(), options, loadingSince: start)
  }

  private convenience init(
    _ file: GGUFFile, _ decoder: Decoder, _ tokenizer: Tokenizer, _ options: LoadOptions,
    loadingSince start: ContinuousClock.Instant
  ) throws(KingletError) {
    guard tokenizer.vocabularySize <= decoder.vocabularySize else {
      throw KingletError(
        .fileCorrupt,
        "the vocabulary has \(tokenizer.vocabularySize) tokens, the weights know "
          + "\(decoder.vocabularySize)", at: file.path)
    }
    let contextLength = options.contextLength ?? min(decoder.trainedContextLength, Self.defaultContextLimit)
    guard (1...max(1, decoder.trainedContextLength)).contains(contextLength) else {
      throw KingletError(
        .invalidArgument, "a context of \(contextLength) tokens is not possible", at: file.path,
        remedy: "The model was trained for 1 to \(decoder.trainedContextLength).")
    }
    let format = try ChatFormat.load(template: options.template, from: file, tokenizer)
    self.init(
      description: try ModelDescription(
        file, decoder, contextLength: contextLength, cacheType: options.cacheType,
        hasChatTemplate: (try? format.get()) != nil),
      tokenizer: tokenizer, decoder: decoder,
      engine: try Engine(
        decoder, contextLength: contextLength, cacheType: options.cacheType, options: options.engine,
        loadSeconds: start.duration(to: .now) / .seconds(1)),
      chatFormat: format)
  }
}
