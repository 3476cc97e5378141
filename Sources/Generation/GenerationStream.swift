import KingletErrors

/// The deltas of one generation, as they come. To be read once, by one task.
///
/// The buffer is bounded: if the reader is slow, the engine waits for it, and so does whoever is next in its queue.
/// Cancelling the reading task, calling `cancel()` or letting go of the stream stops the work at its next step. In the
/// first two cases the stream still delivers what is on its way and a last delta with `FinishReason/cancelled`.
public struct GenerationStream: AsyncSequence, Sendable {
  public typealias Element = GenerationDelta
  public typealias Failure = KingletError

  private let reader: Reader

  /// - Parameters:
  ///   - owner: kept alive as long as the stream.
  ///   - observer: sees each delta as it is handed to the reader.
  init(
    _ channel: GenerationChannel, owner: (any AnyObject & Sendable)? = nil,
    observer: @escaping @Sendable (GenerationDelta) -> Void = { _ in }
  ) {
    reader = Reader(channel: channel, owner: owner, observer: observer)
  }

  /// A stream that fails at once.
  public init(failing error: KingletError) {
    let channel = GenerationChannel(capacity: 1)
    channel.fail(error)
    self.init(channel)
  }

  /// The same stream; `observer` sees each delta as it is handed to the reader, on the reader's task.
  public func observed(_ observer: @escaping @Sendable (GenerationDelta) -> Void) -> GenerationStream {
    GenerationStream(reader.channel, owner: reader, observer: observer)
  }

  /// Stops the work at its next step.
  public func cancel() { reader.channel.cancel() }

  /// Does what `cancel` does, without keeping the stream.
  package var canceller: @Sendable () -> Void { { [channel = reader.channel] in channel.cancel() } }

  /// Reads the stream to its end.
  public func collect() async throws(KingletError) -> Reply {
    var text = ""
    var tokens: [Int32] = []
    var logProbabilities: [TokenLogProbability] = []
    for try await delta in self {
      text += delta.text
      tokens += delta.tokens
      logProbabilities += delta.logProbabilities
      if let summary = delta.summary {
        return Reply(text: text, tokens: tokens, logProbabilities: logProbabilities, summary: summary)
      }
    }
    throw KingletError(.invalidArgument, "the stream has been read before")
  }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader: reader) }

  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let reader: Reader

    public mutating func next() async throws(KingletError) -> GenerationDelta? {
      try await next(isolation: #isolation)
    }

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(KingletError) -> GenerationDelta? {
      let delta = try await reader.channel.next(isolation: actor)
      if let delta { reader.observer(delta) }
      return delta
    }
  }
}

/// The reading end: when the last of stream and iterators is gone, so is the wish for more.
private final class Reader: Sendable {
  let channel: GenerationChannel
  let owner: (any AnyObject & Sendable)?
  let observer: @Sendable (GenerationDelta) -> Void

  init(
    channel: GenerationChannel, owner: (any AnyObject & Sendable)?,
    observer: @escaping @Sendable (GenerationDelta) -> Void
  ) {
    self.channel = channel
    self.owner = owner
    self.observer = observer
  }

  deinit { channel.cancel() }
}
