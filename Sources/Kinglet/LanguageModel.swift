import KingletAdapters
import KingletErrors
import KingletGeneration
import KingletTokenizers
import KingletTransformer

/// A language model, loaded and ready: weights, vocabulary and the engine that runs them.
///
/// ```swift
/// let model = try await LanguageModel.load("model.gguf")
/// for try await delta in model.generate(prompt: "Kinglets are") { print(delta.text, terminator: "") }
/// ```
///
/// `Sendable` and to be shared: requests from any number of tasks are served at once, in passes over the weights that they
/// share, and none changes what another gets.
public final class LanguageModel: Sendable {
  /// What the model is, and what it takes.
  public let description: ModelDescription
  public let tokenizer: Tokenizer
  /// The weights, for those who need logits rather than text.
  public let decoder: Decoder
  let engine: Engine
  /// Or why there is none.
  let chatFormat: Result<ChatFormat, KingletError>

  init(
    description: ModelDescription, tokenizer: Tokenizer, decoder: Decoder, engine: Engine,
    chatFormat: Result<ChatFormat, KingletError>
  ) {
    self.description = description
    self.tokenizer = tokenizer
    self.decoder = decoder
    self.engine = engine
    self.chatFormat = chatFormat
  }

  /// Continues a text, without any chat template.
  ///
  /// - Parameter parsesControlTokens: lets the spelling of a control token in the prompt become that token. For prompts
  ///   that you have written yourself; with a stranger's text in it, it hands the stranger the controls.
  /// - Returns: The stream, which also tells of whatever is wrong with the request.
  public func generate(
    prompt: String, options: GenerationOptions = .init(), parsesControlTokens: Bool = false
  ) -> GenerationStream {
    generate(tokens: tokenizer.encode(prompt, addSpecial: true, parseSpecial: parsesControlTokens), options: options)
  }

  /// Continues a sequence of tokens, to which nothing is added.
  public func generate(tokens: [Int32], options: GenerationOptions = .init()) -> GenerationStream {
    engine.generate(request(tokens, options))
  }

  /// Makes an adapter ready for this model, whose weights stay as they are. Let go of, it is unloaded.
  ///
  /// - Throws: `.invalidArgument`, naming the tensor and both sides, for an adapter of another base.
  public func load(_ adapter: Adapter) throws(KingletError) -> LoadedAdapter {
    try decoder.load(adapter)
  }

  func request(_ tokens: [Int32], _ options: GenerationOptions, droppedTokens: Int = 0) -> GenerationRequest {
    let startsWithBOS = tokens.first.map { $0 == tokenizer.special.bos } ?? false
    return GenerationRequest(
      prompt: tokens, options: options, endOfGeneration: tokenizer.special.endOfGeneration,
      text: StreamingDetokenizer(tokenizer), fixedPrefix: startsWithBOS ? 1 : 0, droppedTokens: droppedTokens)
  }
}
