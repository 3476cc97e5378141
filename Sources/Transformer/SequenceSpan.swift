/// Some tokens of one sequence in a forward pass that may run several: they follow what `cache` holds.
public struct SequenceSpan<Cache: AnyObject> {
  public let tokens: ArraySlice<Int32>
  public let cache: Cache
  public let wanted: WantedOutput
  /// Added up; those of one sequence stay the same from span to span.
  public let adapters: [AppliedAdapter]

  public init(
    _ tokens: ArraySlice<Int32>, cache: Cache, wanted: WantedOutput, adapters: [AppliedAdapter] = []
  ) {
    self.tokens = tokens
    self.cache = cache
    self.wanted = wanted
    self.adapters = adapters
  }
}

/// What a pass is to tell of a span's last token.
public enum WantedOutput: Sendable {
  /// Nothing: only keys and values, as for all of a prompt but its end.
  case nothing
  /// The token with the largest logit, the lowest in a tie: the greedy choice.
  case mostLikely
  /// The row of logits, `[vocabularySize]`.
  case logits
}

/// What a pass tells of a span's last token.
public enum SpanOutput: Sendable {
  case mostLikely(Int32)
  /// `[vocabularySize]`.
  case logits([Float])
}
