import ArgumentParser
import Kinglet

struct Chat: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Hold a conversation.",
    discussion: """
      Examples:
        kinglet chat
        kinglet chat --model smollm2 --system "Be brief." --temperature 0.7

      \(Chat.help)
      """)

  private static let help = """
    Type a question and press Return. A line that ends in \\ goes on in the
    next; \"\"\" on a line of its own begins and ends a text of several lines.
    When the context is full, /clear begins again. Ctrl-C stops an answer;
    Ctrl-D, or Ctrl-C twice at the prompt, leaves.

      /help          this text
      /clear         forget the conversation
      /system TEXT   begin again with other instructions (none without TEXT)
      /history       what was said so far
      /info          the model and its context
      /adapter PATH[=SCALE]   apply an adapter besides those there are;
                     none takes all away, and without PATH they are listed
      /exit          leave
    """

  @OptionGroup var loading: LoadArguments
  @OptionGroup var sampling: SamplingArguments
  @OptionGroup var adapters: AdapterArguments

  @Option(help: ArgumentHelp("What the chat template calls the system message.", valueName: "text"))
  var system: String?

  func run() async throws {
    let model = try await loading.load()
    guard model.description.hasChatTemplate else {
      // The error that a question would meet, before one is typed.
      _ = try await ChatSession(model).respond("?")
      return
    }
    var applied = try zip(adapters.specifications, adapters.load(model.load)).map { (name: $0, adapter: $1) }
    let isInteractive = isTerminal(0)
    if isInteractive { standardError("\(model.description)\nType /help for help.\n") }
    var instructions = system
    var session = ChatSession(model, instructions: instructions)
    while let text = readMessage(isInteractive) {
      let trimmed = text.drop { $0 == " " }
      if trimmed.isEmpty { continue }
      guard trimmed.hasPrefix("/") else {
        try await answer(text, session, applied.map(\.adapter), isInteractive)
        continue
      }
      let words = trimmed.split(separator: " ", maxSplits: 1).map(String.init)
      switch words[0] {
      case "/help": try standardOutput(Self.help + "\n")
      case "/clear": session = ChatSession(model, instructions: instructions)
      case "/system":
        instructions = words.count > 1 ? words[1] : nil
        session = ChatSession(model, instructions: instructions)
      case "/history":
        for message in session.history { try standardOutput("\(message.role): \(message.content)\n") }
      case "/adapter" where words.count == 1:
        try standardOutput(applied.isEmpty ? "no adapter\n" : applied.map { $0.name + "\n" }.joined())
      case "/adapter" where words[1] == "none": applied = []
      case "/adapter":
        do throws(KingletError) {
          let (adapter, strength) = try AdapterArguments.read(words[1])
          applied.append((words[1], try model.load(adapter).scaled(strength)))
        } catch {
          standardError("error: \(error)\n")
        }
      case "/info": try standardOutput("\(model.description)\n")
      case "/exit", "/quit": return
      default: standardError("error: there is no command \(words[0]). Type /help for help.\n")
      }
    }
    if isInteractive { standardError("\n") }
  }

  private func answer(
    _ question: String, _ session: ChatSession, _ adapters: [AppliedAdapter], _ isInteractive: Bool
  ) async throws {
    var options = sampling.options(defaultMaxTokens: 1024)
    options.adapters = adapters
    let stream = session.stream(question, options: options)
    // Where nobody is there to ask the next question, Ctrl-C means the whole program.
    if isInteractive { Interrupts.shared.handle { stream.cancel() } }
    do {
      for try await delta in stream {
        try standardOutput(delta.text)
        guard let summary = delta.summary else { continue }
        try standardOutput("\n")
        summary.explain()
        if summary.finishReason == .cancelled { standardError("(stopped)\n") }
      }
    } catch {
      guard isInteractive else { throw error }
      // The conversation stands; only this question failed.
      standardError("error: \(error)\n")
    }
  }

  /// The next message, of one line or several; nil at the end of the input.
  private func readMessage(_ isInteractive: Bool) -> String? {
    Interrupts.shared.handle(
      isInteractive ? { @Sendable in standardError("\n(Ctrl-C again, Ctrl-D or /exit leaves)\n> ") } : nil)
    func line(_ prompt: String) -> String? {
      if isInteractive { standardError(prompt) }
      return readLine()
    }
    guard var text = line("> ") else { return nil }
    if text == "\"\"\"" {
      var lines: [String] = []
      while let next = line("… "), next != "\"\"\"" { lines.append(next) }
      return lines.joined(separator: "\n")
    }
    while text.hasSuffix("\\") {
      text.removeLast()
      guard let next = line("… ") else { break }
      text += "\n" + next
    }
    return text
  }
}
