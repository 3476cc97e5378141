// Generation: turns the logits of a model into text. The `Engine` owns the keys and values of every sequence and runs
// the step loop on one thread of its own; the `Sampler` picks tokens; the `StopMatcher` decides where text ends; a
// bounded `GenerationStream` carries the result to whoever asked. Nothing here knows of files, templates or servers.

import KingletTransformer

/// What to generate, apart from the prompt.
public struct GenerationOptions: Sendable, Equatable {
  /// How tokens are drawn.
  public var sampling: SamplingOptions
  /// The largest number of tokens to generate; nil means until the context is full. 0 only processes the prompt, which
  /// warms a session's cache.
  public var maxTokens: Int?
  /// Text that ends the generation, matched across token boundaries. Neither it nor a part of it is ever emitted.
  public var stopStrings: [String]
  /// Tokens that end the generation, besides those the model itself ends with. They are not part of the result.
  public var stopTokens: Set<Int32>
  /// Goes on past the model's own end-of-generation tokens: for benchmarks and comparisons of a fixed length.
  public var ignoresEndOfGeneration: Bool
  /// What happens to a prompt that is longer than the context.
  public var truncation: Truncation
  /// Asks for the log-probability of each token, and of this many best alternatives beside it (0 for none); nil asks
  /// for nothing. They are the model's own, taken before penalty, truncation and temperature.
  public var logProbabilities: Int?
  /// Adapters of this request, which add up. Others may run beside it with others, and what a session remembers is only
  /// used again under the same ones.
  public var adapters: [AppliedAdapter]

  public init(
    sampling: SamplingOptions = .greedy, maxTokens: Int? = nil, stopStrings: [String] = [],
    stopTokens: Set<Int32> = [], ignoresEndOfGeneration: Bool = false, truncation: Truncation = .error,
    logProbabilities: Int? = nil, adapters: [AppliedAdapter] = []
  ) {
    self.sampling = sampling
    self.maxTokens = maxTokens
    self.stopStrings = stopStrings
    self.stopTokens = stopTokens
    self.ignoresEndOfGeneration = ignoresEndOfGeneration
    self.truncation = truncation
    self.logProbabilities = logProbabilities
    self.adapters = adapters
  }
}

/// What happens to a prompt that is longer than the context. Whatever is left out is counted in
/// `GenerationUsage/droppedTokens`; nothing is ever dropped unless the caller chose so.
public enum Truncation: String, Sendable, CaseIterable {
  /// The request fails with `.contextOverflow`, naming both lengths.
  case error
  /// The oldest tokens go, until the prompt fits and a quarter of the context (or `maxTokens`, if fewer) is free for the
  /// answer. A leading beginning-of-sequence token stays.
  case keepEnd
  /// The oldest question and answer go, then the next, until the prompt fits with the same room for the answer; the
  /// instructions and the last question stay. For chat sessions: a bare prompt has no turns, and fails as with `error`.
  case dropOldestTurns
}
