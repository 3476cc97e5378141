import KingletErrors
import KingletTransformer
import Synchronization

/// Runs a model for any number of callers, one request after another in the order they came.
///
/// All work happens on one dedicated thread, never on Swift's cooperative pool; the keys and values of all sequences
/// live there. Letting go of the engine, its sessions and its streams ends the thread and frees them.
public final class Engine: Sendable {
  /// Positions that each sequence may fill, prompt and answer together.
  public let contextLength: Int

  private let mailbox = Mailbox<EngineMessage>()
  private let lastSession = Atomic<UInt64>(0)
  private let streamCapacity: Int

  /// - Parameters:
  ///   - contextLength: positions per sequence, at least 1.
  ///   - loadSeconds: what loading the model took, for the timing of each generation.
  ///   - streamCapacity: deltas that a stream holds before the engine waits for its reader.
  /// - Throws: `.invalidArgument`, or `.outOfMemory` when no thread is to be had.
  public convenience init(
    _ decoder: Decoder, contextLength: Int, cacheType: KVType = .f16, loadSeconds: Double = 0,
    streamCapacity: Int = 64
  ) throws(KingletError) {
    try self.init(
      model: DecoderModel(decoder: decoder, cacheType: cacheType), contextLength: contextLength,
      loadSeconds: loadSeconds, streamCapacity: streamCapacity)
  }

  init(
    model: some SequenceModel, contextLength: Int, loadSeconds: Double = 0, streamCapacity: Int = 64
  ) throws(KingletError) {
    try require(contextLength >= 1, "a context of \(contextLength) tokens", "1 or more")
    self.contextLength = contextLength
    self.streamCapacity = streamCapacity
    try DedicatedThread.start { [mailbox] in
      var loop = EngineLoop(model: model, contextLength: contextLength, loadSeconds: loadSeconds)
      loop.run(mailbox)
    }
  }

  deinit { mailbox.close() }

  /// A sequence whose keys and values stay between requests, so that a prompt which begins like the last one and its
  /// answer runs only its new part.
  public func makeSession() -> EngineSession {
    EngineSession(self, id: lastSession.wrappingAdd(1, ordering: .relaxed).newValue)
  }

  /// Puts a request in the queue. Whatever is wrong with it, the stream says.
  ///
  /// - Parameter session: of this engine; without one the keys and values are freed at the end.
  public func generate(_ request: GenerationRequest, in session: EngineSession? = nil) -> GenerationStream {
    if let session, session.engine !== self {
      return GenerationStream(failing: KingletError(.invalidArgument, "the session belongs to another engine"))
    }
    let channel = GenerationChannel(capacity: streamCapacity)
    mailbox.post(.generate(request, session: session?.id, channel))
    return GenerationStream(channel, owner: self)
  }

  fileprivate func release(_ session: UInt64) { mailbox.post(.release(session: session)) }
}

/// A place in the engine for the keys and values of one conversation; freed with this handle.
public final class EngineSession: Sendable {
  fileprivate let engine: Engine
  fileprivate let id: UInt64

  fileprivate init(_ engine: Engine, id: UInt64) {
    self.engine = engine
    self.id = id
  }

  deinit { engine.release(id) }
}

/// What callers ask of the engine's thread.
enum EngineMessage: Sendable {
  case generate(GenerationRequest, session: UInt64?, GenerationChannel)
  case release(session: UInt64)
}

/// The engine's thread: takes one message after another.
private struct EngineLoop<Model: SequenceModel> {
  let model: Model
  let contextLength: Int
  let loadSeconds: Double
  var sequences: [UInt64: CachedSequence<Model>] = [:]
  /// What every step writes and the sampler reads.
  var output = StepOutput()

  mutating func run(_ mailbox: Mailbox<EngineMessage>) {
    while let message = mailbox.take() {
      switch message {
      case .release(let session):
        sequences[session] = nil
      case .generate(let request, let session, let channel):
        guard channel.begin() else { continue }
        do {
          try serve(request, session: session, channel)
        } catch {
          channel.fail(error)
        }
      }
    }
  }

  private mutating func serve(
    _ request: GenerationRequest, session: UInt64?, _ channel: GenerationChannel
  ) throws(KingletError) {
    var run = try GenerationRun(
      request, channel: channel, model: model, contextLength: contextLength, loadSeconds: loadSeconds)
    // Taken out while it is at work: after a failure nobody knows what its cache holds, so it does not come back.
    var sequence =
      if let session, let known = sequences.removeValue(forKey: session) { known } else {
        CachedSequence<Model>(cache: try model.makeCache(capacity: contextLength))
      }
    try run.run(&sequence, output: &output)
    if let session { sequences[session] = sequence }
  }
}
