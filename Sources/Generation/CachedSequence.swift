import KingletErrors
import KingletTransformer

/// One sequence: what the model remembers, and the tokens it remembers.
///
/// Belongs to the engine's thread.
struct CachedSequence<Model: SequenceModel> {
  /// The longest piece of a prompt that the model is given at once: as much as it takes at once itself.
  static var chunkSize: Int { Decoder.chunkLength }

  let cache: Model.Cache
  /// The tokens in `cache`.
  private(set) var tokens: [Int32] = []

  init(cache: Model.Cache) { self.cache = cache }

  /// Keeps the longest beginning that `prompt` shares with what is remembered, except that the last token of the prompt
  /// always runs, for its logits. Returns how many tokens of the prompt need not run.
  mutating func resume(for prompt: [Int32]) -> Int {
    let common = zip(tokens, prompt.dropLast()).prefix { $0 == $1 }.count
    if common < tokens.count {
      let kept = max(0, min(common, cache.truncate(to: common)))
      tokens.removeLast(tokens.count - kept)
    }
    return tokens.count
  }

  /// Runs what `prompt` holds beyond the tokens remembered; leaves what its last token says.
  mutating func prefill(
    _ prompt: [Int32], with model: Model, output: inout StepOutput, isCancelled: () -> Bool
  ) throws(KingletError) {
    while tokens.count < prompt.count {
      if isCancelled() { throw KingletError(.cancelled, "the prompt was cancelled") }
      let chunk = prompt[tokens.count..<min(prompt.count, tokens.count + Self.chunkSize)]
      if chunk.endIndex == prompt.endIndex {
        try output.take(chunk, from: model, cache: cache, isCancelled: isCancelled)
      } else {
        try model.forward(chunk, cache: cache, isCancelled: isCancelled)
      }
      tokens += chunk
    }
  }

  /// Runs one token.
  mutating func append(
    _ token: Int32, with model: Model, output: inout StepOutput, isCancelled: () -> Bool
  ) throws(KingletError) {
    try output.take([token], from: model, cache: cache, isCancelled: isCancelled)
    tokens.append(token)
  }
}
