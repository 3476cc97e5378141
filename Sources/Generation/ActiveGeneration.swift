import KingletTransformer

/// A request at work, and the sequence that it fills. Belongs to the engine's thread.
final class ActiveGeneration<Cache: SequenceCache> {
  let session: UInt64?
  let channel: GenerationChannel
  /// What its keys and values may come to take.
  let reservedByteCount: Int
  private(set) var sequence: CachedSequence<Cache>
  private var run: GenerationRun
  private(set) var hasEnded = false

  init(
    _ run: GenerationRun, _ sequence: CachedSequence<Cache>, session: UInt64?, channel: GenerationChannel,
    reservedByteCount: Int
  ) {
    self.run = run
    self.sequence = sequence
    self.session = session
    self.channel = channel
    self.reservedByteCount = reservedByteCount
    self.run.begin(reusing: self.sequence.resume(for: run.prompt, adapters: run.adapters))
  }

  var isPrefilling: Bool { run.isPrefilling(after: sequence.tokens.count) }

  /// Its part in the next pass: at most `limit` tokens of the prompt, or the token chosen last.
  func span(limit: Int) -> SequenceSpan<Cache> {
    let tokens = run.next(after: sequence.tokens.count, limit: limit)
    return SequenceSpan(
      tokens, cache: sequence.cache, wanted: run.wanted(after: sequence.tokens.count + tokens.count),
      adapters: run.adapters)
  }

  /// Takes note that a span has run.
  func advance(past span: SequenceSpan<Cache>, with output: SpanOutput?) {
    sequence.append(span.tokens)
    guard !isPrefilling, let reason = run.advance(with: output, after: sequence.tokens) else { return }
    finish(reason)
  }

  func finish(_ reason: FinishReason) {
    run.finish(reason)
    hasEnded = true
  }
}
