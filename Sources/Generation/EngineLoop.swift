import KingletErrors
import KingletTransformer

/// The engine's thread: admits requests, and runs one step after another for all that are at work.
struct EngineLoop<Model: SequenceModel> {
  typealias Generation = ActiveGeneration<Model.Cache>

  private let model: Model
  private let contextLength: Int
  private let options: EngineOptions
  private let loadSeconds: Double
  private var waiting: [(request: GenerationRequest, session: UInt64?, channel: GenerationChannel)] = []
  private var active: [Generation] = []
  private var kept: KeptSequences<Model.Cache>

  init(model: Model, contextLength: Int, options: EngineOptions, loadSeconds: Double) {
    self.model = model
    self.contextLength = contextLength
    self.options = options
    self.loadSeconds = loadSeconds
    kept = KeptSequences(byteBudget: options.cacheByteBudget)
  }

  /// Returns when the mailbox is closed and all work is done.
  mutating func run(_ mailbox: Mailbox<EngineMessage>) {
    var isOpen = true
    while true {
      // Who has ended may have made room.
      admit()
      var hasWork = active.contains { !$0.channel.isStalled }
      while isOpen {
        let taken = mailbox.take(waits: !hasWork)
        if case .message(let message) = taken {
          receive(message)
          // Whatever it was, it may have made work; what else there is comes along.
          hasWork = true
          continue
        }
        if case .closed = taken { isOpen = false }
        break
      }
      admit()
      if !isOpen, active.allSatisfy({ $0.channel.isStalled }) { return }
      step()
    }
  }

  private mutating func receive(_ message: EngineMessage) {
    switch message {
    case .generate(let request, let session, let channel): waiting.append((request, session, channel))
    case .release(let session):
      kept.release(
        session, isBusy: active.contains { $0.session == session } || waiting.contains { $0.session == session })
    case .look: break
    }
  }

  // MARK: Who is at work

  /// Requests begin in their order, but for those of a session that is at work.
  private mutating func admit() {
    var index = 0
    while index < waiting.count, active.count < options.maximumSequences {
      let (request, session, channel) = waiting[index]
      if let session, active.contains(where: { $0.session == session }) {
        index += 1
        continue
      }
      do throws(KingletError) {
        guard try begin(request, session, channel) else { return }
      } catch {
        channel.fail(error)
      }
      waiting.remove(at: index)
    }
  }

  /// False when there is no room for its keys and values now.
  private mutating func begin(
    _ request: GenerationRequest, _ session: UInt64?, _ channel: GenerationChannel
  ) throws(KingletError) -> Bool {
    let run = try GenerationRun(
      request, channel: channel, vocabularySize: model.vocabularySize, contextLength: contextLength,
      loadSeconds: loadSeconds)
    let byteCount = model.cacheByteCount(positions: run.longestLength)
    let isRoom = try kept.makeRoom(
      for: byteCount, beside: active.reduce(0) { $0 + $1.reservedByteCount }, session: session)
    guard isRoom else { return false }
    // Cancelled while it waited.
    guard channel.begin() else { return true }
    // Taken out while it is at work: after a failure nobody knows what its cache holds, so it does not come back.
    let sequence =
      if let session, let known = kept.take(session) { known } else {
        CachedSequence(cache: try model.makeCache(capacity: contextLength))
      }
    active.append(
      Generation(run, sequence, session: session, channel: channel, reservedByteCount: byteCount))
    return true
  }

  private mutating func removeEnded() {
    for generation in active where generation.hasEnded {
      guard let session = generation.session else { continue }
      let sequence = generation.sequence
      kept.keep(sequence, session, byteCount: model.cacheByteCount(positions: sequence.tokens.count))
    }
    active.removeAll(where: \.hasEnded)
  }

  private mutating func fail(_ generation: Generation, _ error: KingletError) {
    generation.channel.fail(error)
    if let session = generation.session { kept.forget(session) }
    active.removeAll { $0 === generation }
  }

  // MARK: A step

  private typealias Turn = (generation: Generation, span: SequenceSpan<Model.Cache>)

  /// One pass for all that can go on.
  private mutating func step() {
    for generation in active where generation.channel.isCancelled { generation.finish(.cancelled) }
    removeEnded()
    var turns: [Turn] = []
    for turn in schedule() {
      // Whoever gets no memory fails alone.
      do throws(KingletError) {
        try turn.span.cache.reserve(turn.span.tokens.count)
        turns.append(turn)
      } catch {
        fail(turn.generation, error)
      }
    }
    run(turns)
    removeEnded()
  }

  /// Every answer gets its next token, so that none waits for another; what room is left goes to prompts, in equal shares.
  private func schedule() -> [Turn] {
    let ready = active.filter { !$0.channel.isStalled }
    let (prompts, answers) = (ready.filter(\.isPrefilling), ready.filter { !$0.isPrefilling })
    // Beside answers less of a prompt at once: they wait for it.
    var room = answers.isEmpty ? Decoder.chunkLength : Decoder.chunkLength / 4
    let share = max(32, room / max(1, prompts.count))
    var turns: [Turn] = answers.map { ($0, $0.span(limit: 1)) }
    for prompt in prompts where room > 0 {
      let span = prompt.span(limit: min(share, room))
      room -= span.tokens.count
      turns.append((prompt, span))
    }
    return turns
  }

  private mutating func run(_ turns: [Turn]) {
    guard !turns.isEmpty else { return }
    var outputs = [SpanOutput?](repeating: nil, count: turns.count)
    let isCancelled = { turns.allSatisfy { $0.generation.channel.isCancelled } }
    do throws(KingletError) {
      try model.forward(turns.map(\.span), isCancelled: isCancelled) { outputs[$0] = $1 }
    } catch {
      if error.code == .cancelled, isCancelled() {
        // No failure, but the end that was asked for.
        for turn in turns { turn.generation.finish(.cancelled) }
      } else if turns.count == 1 {
        fail(turns[0].generation, error)
      } else {
        // One by one, so that only whose fault it is fails.
        for turn in turns { run([turn]) }
      }
      return
    }
    for (turn, output) in zip(turns, outputs) { turn.generation.advance(past: turn.span, with: output) }
  }
}
