import KingletErrors
import KingletTransformer
import Synchronization

/// Runs a model for any number of callers, many sequences at a time: requests join and leave between two steps, and each
/// step is one pass over the weights for all of them (continuous batching, as in Orca, Yu et al. 2022).
///
/// A request's answer does not depend on what runs beside it. All work happens on one dedicated thread, never on Swift's cooperative pool; the keys and values of all sequences
/// live there. Letting go of the engine, its sessions and its streams ends the thread and frees them.
public final class Engine: Sendable {
  /// Positions that each sequence may fill, prompt and answer together.
  public let contextLength: Int

  private let mailbox = Mailbox<EngineMessage>()
  private let lastSession = Atomic<UInt64>(0)
  private let options: EngineOptions

  /// - Parameters:
  ///   - contextLength: positions per sequence, at least 1.
  ///   - loadSeconds: what loading the model took, for the timing of each generation.
  /// - Throws: `.invalidArgument`, or `.outOfMemory` when no thread is to be had.
  public convenience init(
    _ decoder: Decoder, contextLength: Int, cacheType: KVType = .f16, options: EngineOptions = .init(),
    loadSeconds: Double = 0
  ) throws(KingletError) {
    try self.init(
      model: DecoderModel(decoder: decoder, cacheType: cacheType), contextLength: contextLength, options: options,
      loadSeconds: loadSeconds)
  }

  init(
    model: some SequenceModel, contextLength: Int, options: EngineOptions = .init(), loadSeconds: Double = 0
  ) throws(KingletError) {
    try require(contextLength >= 1, "a context of \(contextLength) tokens", "1 or more")
    try require(options.maximumSequences >= 1, "\(options.maximumSequences) sequences at once", "1 or more")
    try require(
      options.cacheByteBudget.map { $0 >= 0 } ?? true, "a budget of \(options.cacheByteBudget ?? 0) bytes", "0 or more")
    self.contextLength = contextLength
    self.options = options
    try DedicatedThread.start { [mailbox] in
      var loop = EngineLoop(model: model, contextLength: contextLength, options: options, loadSeconds: loadSeconds)
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
    let channel = GenerationChannel(capacity: options.streamCapacity) { [mailbox] in mailbox.post(.look) }
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
  /// A generation that waited for its reader can go on, or is to end.
  case look
}
