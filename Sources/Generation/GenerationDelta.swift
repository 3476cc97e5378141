/// A piece of generated text, as soon as it is certain that it is wanted.
public struct GenerationDelta: Sendable, Equatable {
  /// Whole characters; empty only in the last delta.
  public let text: String
  /// The tokens generated since the delta before. When a stop string ended the text, those it consisted of are here
  /// although their text is not.
  public let tokens: [Int32]
  /// One for each token if they were asked for, else empty.
  public let logProbabilities: [TokenLogProbability]
  /// How the generation went: in the last delta, and only there.
  public let summary: GenerationSummary?

  public init(
    text: String = "", tokens: [Int32] = [], logProbabilities: [TokenLogProbability] = [],
    summary: GenerationSummary? = nil
  ) {
    self.text = text
    self.tokens = tokens
    self.logProbabilities = logProbabilities
    self.summary = summary
  }
}

/// Why a generation ended.
public enum FinishReason: String, Sendable, Codable {
  /// A token that ends the text, the model's own or one of the caller's.
  case stopToken
  /// One of the caller's stop strings.
  case stopString
  /// `GenerationOptions/maxTokens`.
  case length
  /// The context has no room for another token.
  case contextFull
  /// Its owner cancelled it, or let go of the stream.
  case cancelled
}

/// How a generation went: the reason of its end, what it used, how long it took.
public struct GenerationSummary: Sendable, Equatable, Codable {
  public let finishReason: FinishReason
  public let usage: GenerationUsage
  public let timing: GenerationTiming
  /// The seed in use; with it and the same options the same text comes again.
  public let seed: UInt64
}

/// Tokens that a generation dealt with.
public struct GenerationUsage: Sendable, Equatable, Codable {
  /// Of the prompt, after truncation.
  public internal(set) var promptTokens = 0
  /// Of those, the ones whose keys and values were still there from the turn before.
  public internal(set) var reusedTokens = 0
  /// Left out of the prompt because the caller chose a truncation.
  public internal(set) var droppedTokens = 0
  /// Generated, without the token that ended the text.
  public internal(set) var generatedTokens = 0
}

/// How long a generation took, in seconds.
public struct GenerationTiming: Sendable, Equatable, Codable {
  /// Loading the model, before the first request.
  public internal(set) var load = 0.0
  /// From the request to the start of the work on it.
  public internal(set) var queue = 0.0
  /// Running the model over the prompt.
  public internal(set) var prefill = 0.0
  /// From the first token to the end.
  public internal(set) var decode = 0.0
  /// From the request to the first token; 0 if there was none.
  public internal(set) var firstToken = 0.0
  /// Prompt tokens run per second, reused ones not counted; 0 if there were none.
  public internal(set) var prefillTokensPerSecond = 0.0
  /// Steps of the model per second after the first token; 0 if there were none.
  public internal(set) var decodeTokensPerSecond = 0.0
}

/// A whole generation: what all deltas of a stream add up to.
public struct Reply: Sendable, Equatable {
  public let text: String
  /// Generated tokens, without the one that ended the text.
  public let tokens: [Int32]
  /// One for each token if they were asked for, else empty.
  public let logProbabilities: [TokenLogProbability]
  public let summary: GenerationSummary
}
