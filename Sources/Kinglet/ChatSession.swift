import KingletErrors
import KingletGeneration
import Synchronization

/// A conversation with a model.
///
/// ```swift
/// let session = ChatSession(model, instructions: "Answer in one sentence.")
/// for try await delta in session.stream("What is a kinglet?") { print(delta.text, terminator: "") }
/// ```
///
/// The keys and values of the conversation stay in the engine as long as the session lives, so each turn runs only what
/// is new. One answer at a time: asking again ends the answer that is still being written.
public final class ChatSession: Sendable {
  public let model: LanguageModel
  /// For answers that are not given options of their own.
  public let options: GenerationOptions
  private let instructions: String?
  private let cache: EngineSession
  private let state: Mutex<State>

  private struct State {
    /// Without the instructions.
    var messages: [ChatMessage]
    /// The question being answered, or the last one.
    var turn: Turn?
    /// Of `messages`, the first that is still shown to the model: see `Truncation/dropOldestTurns`.
    var firstShown = 0
  }

  /// - Parameters:
  ///   - instructions: what the template calls the system message.
  ///   - history: messages of an earlier conversation to go on from.
  public init(
    _ model: LanguageModel, instructions: String? = nil, options: GenerationOptions = .init(),
    history: [ChatMessage] = []
  ) {
    self.model = model
    self.instructions = instructions
    self.options = options
    cache = model.engine.makeSession()
    state = Mutex(State(messages: history))
  }

  /// All that was said so far, without the instructions.
  ///
  /// An answer is here as far as its reader has read it, also when it is cancelled or let go of in the middle. A
  /// question without any answer, because it failed or was cancelled before the first word, is left out with it.
  public var history: [ChatMessage] {
    state.withLock { $0.messages + ($0.turn?.messages ?? []) }
  }

  /// Forgets all that was said, and stops the answer that is still being written. Keys and values of what the next prompt
  /// begins with, such as the instructions, stay.
  public func clear() {
    state.withLock { state in
      if let last = state.turn { _ = last.end() }
      state = State(messages: [])
    }
  }

  /// Asks, and streams the answer.
  ///
  /// - Returns: The stream, which also tells of whatever is wrong: a model without template, a conversation longer than
  ///   the context.
  public func stream(_ prompt: String, options: GenerationOptions? = nil) -> GenerationStream {
    let options = options ?? self.options
    let turn = Turn(question: prompt)
    return state.withLock { state in
      if let last = state.turn { state.messages += last.end() }
      state.turn = turn
      let stream = answer(prompt, options, &state)
      turn.begin(stream.canceller)
      return stream.observed { turn.add($0) }
    }
  }

  /// Asks, and waits for the whole answer.
  public func respond(_ prompt: String, options: GenerationOptions? = nil) async throws(KingletError) -> Reply {
    try await stream(prompt, options: options).collect()
  }

  private func answer(_ prompt: String, _ options: GenerationOptions, _ state: inout State) -> GenerationStream {
    do throws(KingletError) {
      let format = try model.chatFormat.get()
      let conversation = Conversation(instructions: instructions, messages: state.messages + [.user(prompt)])
      let fitted = try conversation.prompt(
        format, context: model.description.contextLength, options, from: &state.firstShown)
      return model.engine.generate(
        model.request(fitted.tokens, options, droppedTokens: fitted.droppedTokens), in: cache)
    } catch {
      return GenerationStream(failing: error)
    }
  }
}

/// A question and as much of its answer as has been read.
private final class Turn: Sendable {
  private struct State {
    var answer = ""
    /// The model has come to an end by itself.
    var isComplete = false
    var hasEnded = false
    var cancel: (@Sendable () -> Void)?
  }

  private let question: String
  private let state = Mutex(State())

  init(question: String) { self.question = question }

  func begin(_ cancel: @escaping @Sendable () -> Void) { state.withLock { $0.cancel = cancel } }

  func add(_ delta: GenerationDelta) {
    state.withLock { state in
      if state.hasEnded { return }
      state.answer += delta.text
      if let summary = delta.summary { state.isComplete = summary.finishReason != .cancelled }
    }
  }

  /// Stops the answer where it is, and returns what it has come to.
  func end() -> [ChatMessage] {
    state.withLock { state in
      state.hasEnded = true
      return state.cancel.take()
    }?()
    return messages
  }

  var messages: [ChatMessage] {
    state.withLock { state in
      state.answer.isEmpty && !state.isComplete ? [] : [.user(question), .assistant(state.answer)]
    }
  }
}
