import KingletErrors
import Synchronization

/// Carries deltas from the engine's thread to one asynchronous reader, a bounded number at a time.
///
/// The writer never waits: it asks whether the channel is stalled before it makes more, and is told when it no longer is.
/// The reader suspends. Either side may end it: the writer with `finish` or `fail`, the reader with `cancel`.
final class GenerationChannel: Sendable {
  typealias Received = Result<GenerationDelta?, KingletError>

  private struct State {
    var buffer: [GenerationDelta] = []
    /// How it ended, until the reader has taken that too.
    var end: Received?
    var hasEnded = false
    var hasStarted = false
    /// Whether the writer is to be told of room.
    var isStalled = false
    var reader: CheckedContinuation<Received, Never>?
  }

  /// The moment of the request.
  let start = ContinuousClock.now
  private let capacity: Int
  private let state = Mutex(State())
  private let onRoom: @Sendable () -> Void
  private let cancelled = Atomic(false)

  /// - Parameter onRoom: called when a stalled writer can go on, or is to end.
  init(capacity: Int, onRoom: @escaping @Sendable () -> Void = {}) {
    self.capacity = max(1, capacity)
    self.onRoom = onRoom
  }

  /// The reader wants no more. Cheap: asked between the layers of the model.
  var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

  // MARK: The writer, on the engine's thread

  /// Tells that the work begins; false when it has been cancelled before, and there is nothing to do.
  func begin() -> Bool {
    state.withLock { state in
      state.hasStarted = true
      return !state.hasEnded
    }
  }

  /// Whether the buffer is full; `onRoom` is then called when it no longer is, or when the reader cancels.
  var isStalled: Bool {
    state.withLock { state in
      state.isStalled = state.buffer.count >= capacity && !isCancelled
      return state.isStalled
    }
  }

  /// Hands over a delta. When the reader has cancelled it goes into the buffer all the same: what is on its way is not
  /// lost.
  func send(_ delta: GenerationDelta) {
    let reader = state.withLock { state -> CheckedContinuation<Received, Never>? in
      if let reader = state.reader.take() { return reader }
      state.buffer.append(delta)
      return nil
    }
    reader?.resume(returning: .success(delta))
  }

  /// The last delta. Never waits.
  func finish(_ last: GenerationDelta) { end(.success(last)) }

  func fail(_ error: KingletError) { end(.failure(error)) }

  private func end(_ end: Received) {
    state.withLock { finish(&$0, with: end) }?.resume(returning: end)
  }

  /// Returns the reader to be told, if it waits.
  private func finish(_ state: inout State, with end: Received) -> CheckedContinuation<Received, Never>? {
    if state.hasEnded { return nil }
    state.hasEnded = true
    if let reader = state.reader.take() { return reader }
    state.end = end
    return nil
  }

  // MARK: The reader

  /// The next delta; nil after the end.
  func next(isolation: isolated (any Actor)?) async throws(KingletError) -> GenerationDelta? {
    let received = await withTaskCancellationHandler(
      operation: { await receive(isolation: isolation) }, onCancel: { cancel() }, isolation: isolation)
    return try received.get()
  }

  private func receive(isolation: isolated (any Actor)?) async -> Received {
    await withCheckedContinuation(isolation: isolation) { continuation in
      var isRoom = false
      let received = state.withLock { state -> Received? in
        if !state.buffer.isEmpty {
          let delta = state.buffer.removeFirst()
          (isRoom, state.isStalled) = (state.isStalled, false)
          return .success(delta)
        }
        if let end = state.end.take() { return end }
        if state.hasEnded { return .success(nil) }
        if state.reader != nil {
          return .failure(KingletError(.invalidArgument, "two tasks read the same stream at once"))
        }
        state.reader = continuation
        return nil
      }
      if isRoom { onRoom() }
      if let received { continuation.resume(returning: received) }
    }
  }

  /// Asks for the end. Work that runs stops at its next step and sends its summary; work still in the queue ends here.
  func cancel() {
    cancelled.store(true, ordering: .relaxed)
    var timing = GenerationTiming()
    timing.queue = start.duration(to: .now) / .seconds(1)
    let summary = GenerationSummary(finishReason: .cancelled, usage: GenerationUsage(), timing: timing, seed: 0)
    let end = Received.success(GenerationDelta(summary: summary))
    var wasStalled = false
    let reader = state.withLock { state -> CheckedContinuation<Received, Never>? in
      (wasStalled, state.isStalled) = (state.isStalled, false)
      return state.hasStarted ? nil : finish(&state, with: end)
    }
    if wasStalled { onRoom() }
    reader?.resume(returning: end)
  }
}
