import KingletTransformer

/// One sequence: what the model remembers, and the tokens it remembers.
///
/// Belongs to the engine's thread.
struct CachedSequence<Cache: SequenceCache> {
  let cache: Cache
  /// The tokens in `cache`.
  private(set) var tokens: [Int32] = []
  /// What they were run with: keys and values of other adapters are of no use.
  private var adapters: [AppliedAdapter] = []

  init(cache: Cache) { self.cache = cache }

  /// Keeps the longest beginning that `prompt` shares with what is remembered, as far as the same adapters were applied
  /// to it, except that the last token of the prompt always runs, for its logits. Returns how many tokens of the prompt
  /// need not run.
  mutating func resume(for prompt: [Int32], adapters: [AppliedAdapter]) -> Int {
    let shared = zip(tokens, prompt.dropLast()).prefix { $0 == $1 }.count
    let common = min(shared, adapters.commonLength(with: self.adapters))
    self.adapters = adapters
    if common < tokens.count {
      let kept = max(0, min(common, cache.truncate(to: common)))
      tokens.removeLast(tokens.count - kept)
    }
    return tokens.count
  }

  /// Notes tokens that have run.
  mutating func append(_ new: ArraySlice<Int32>) { tokens += new }
}
