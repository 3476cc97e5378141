import KingletErrors
import KingletTokenizers

/// A prompt for the engine, in tokens, with all that turning the answer back into text takes.
public struct GenerationRequest: Sendable {
  /// The prompt, at least one token.
  public var prompt: [Int32]
  public var options: GenerationOptions
  /// The tokens with which the model ends a text.
  public var endOfGeneration: Set<Int32>
  /// Turns the generated tokens into text; as new.
  public var text: any TextAssembler
  /// How many of the first tokens `Truncation/keepEnd` never drops: 1 when the prompt opens with a
  /// beginning-of-sequence token.
  public var fixedPrefix: Int
  /// Tokens that the caller has left out already, to be reported with those the engine leaves out.
  public var droppedTokens: Int

  public init(
    prompt: [Int32], options: GenerationOptions = .init(), endOfGeneration: Set<Int32> = [],
    text: any TextAssembler, fixedPrefix: Int = 0, droppedTokens: Int = 0
  ) {
    self.prompt = prompt
    self.options = options
    self.endOfGeneration = endOfGeneration
    self.text = text
    self.fixedPrefix = fixedPrefix
    self.droppedTokens = droppedTokens
  }
}

/// Puts text together from tokens, of which one may hold only part of a character.
public protocol TextAssembler: Sendable {
  /// The characters that are complete with this token.
  mutating func append(_ token: Int32) -> String
  /// What is left when no more tokens come.
  mutating func finish() -> String
}

extension StreamingDetokenizer: TextAssembler {}

extension GenerationRequest {
  /// Checks the request against a model, and makes the prompt fit the context if the caller has chosen how.
  func fitted(toContext context: Int, vocabularySize: Int) throws(KingletError) -> GenerationRequest {
    try require(!prompt.isEmpty, "a prompt without tokens", "at least one token long")
    try require(options.maxTokens.map { $0 >= 0 } ?? true, "\(options.maxTokens ?? 0) tokens", "0 or more")
    if let stray = prompt.first(where: { $0 < 0 || $0 >= vocabularySize }) {
      throw KingletError(
        .invalidArgument, "token \(stray) of the prompt is not among the model's \(vocabularySize) tokens")
    }
    if prompt.count <= context { return self }
    guard options.truncation == .keepEnd else {
      throw KingletError(
        .contextOverflow, "the prompt has \(prompt.count) tokens, the context holds \(context)",
        remedy: "Shorten the prompt, ask for a longer context or choose a truncation.")
    }
    let target = context - Self.answerRoom(context: context, options: options)
    let fixed = max(0, min(fixedPrefix, target))
    var fitted = self
    fitted.droppedTokens += prompt.count - target
    fitted.prompt = prompt.prefix(fixed) + prompt.suffix(target - fixed)
    return fitted
  }

  /// Tokens of the context that a truncation leaves free for the answer.
  public static func answerRoom(context: Int, options: GenerationOptions) -> Int {
    min(context / 4, max(0, options.maxTokens ?? context))
  }
}
