import ArgumentParser
import Kinglet

struct Generate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Continue a text, or answer a question.",
    discussion: """
      Examples:
        kinglet generate --chat "What is the capital of Denmark?"
        kinglet generate --model smollm2 -n 40 "Once upon a time"
        kinglet generate --chat --temperature 0.7 --seed 1 - < question.txt
        kinglet generate --chat --adapter adapters/legal=0.8 "Define tort."

      Without --chat the text is continued as it stands. With --json one object is printed at the end: text, tokens, \
      finish_reason (stop_token, stop_string, length, context_full, cancelled), seed, usage (prompt_tokens, reused_tokens, \
      dropped_tokens, generated_tokens) and timings (load, queue, prefill, first_token and decode in seconds; \
      prefill_tokens_per_second, decode_tokens_per_second). Without -n the text ends after 512 tokens at the latest.
      """)

  @OptionGroup var loading: LoadArguments
  @OptionGroup var sampling: SamplingArguments
  @OptionGroup var adapters: AdapterArguments

  @Flag(help: "Put the text to the model as a question, in the form of its chat template.")
  var chat = false

  @Option(help: ArgumentHelp("What the chat template calls the system message.", valueName: "text"))
  var system: String?

  @Flag(help: "Let the spelling of control tokens in the text become those tokens (without --chat only).")
  var special = false

  @Flag(help: "Print one JSON object instead of streaming text.")
  var json = false

  @Argument(help: "The text; - reads it from standard input.")
  var prompt: String

  func validate() throws {
    if system != nil && !chat { throw ValidationError("--system needs --chat: plain text has no system message") }
    if special && chat {
      throw ValidationError("--special is for plain text: --chat never takes controls from a question")
    }
  }

  func run() async throws {
    let text = prompt == "-" ? try readText("-") : prompt
    guard !text.isEmpty else { throw KingletError(.invalidArgument, "the prompt is empty") }
    let model = try await loading.load()
    var options = sampling.options(defaultMaxTokens: 512)
    options.adapters = try adapters.load(model.load)
    let stream: GenerationStream
    if chat {
      stream = ChatSession(model, instructions: system).stream(text, options: options)
    } else {
      stream = model.generate(prompt: text, options: options, parsesControlTokens: special)
    }
    Interrupts.shared.handle { stream.cancel() }
    let summary = json ? try await report(stream) : try await show(stream)
    summary.explain()
    if summary.finishReason == .cancelled { Interrupts.exit() }
  }

  /// Prints the text as it comes, and a last line break if it has none.
  private func show(_ stream: GenerationStream) async throws -> GenerationSummary {
    var last: Character = "\n"
    for try await delta in stream {
      try standardOutput(delta.text)
      last = delta.text.last ?? last
      guard let summary = delta.summary else { continue }
      if !last.isNewline { try standardOutput("\n") }
      return summary
    }
    throw KingletError(.cancelled, "the stream ended early")
  }

  private func report(_ stream: GenerationStream) async throws -> GenerationSummary {
    let reply = try await stream.collect()
    try printJSON(GenerationReport(reply))
    return reply.summary
  }
}

/// What `generate --json` prints.
struct GenerationReport: Encodable {
  let text: String
  let tokens: [Int32]
  let finishReason: String
  let seed: UInt64
  let usage: GenerationUsage
  let timings: GenerationTiming

  init(_ reply: Reply) {
    text = reply.text
    tokens = reply.tokens
    finishReason = reply.summary.finishReason.snakeCase
    seed = reply.summary.seed
    usage = reply.summary.usage
    timings = reply.summary.timing
  }
}

extension GenerationSummary {
  /// Tells on standard error what the reader of the text should know about it.
  func explain() {
    if usage.droppedTokens > 0 {
      standardError("note: \(usage.droppedTokens) tokens of the prompt were left out to fit the context\n")
    }
    if finishReason == .contextFull { standardError("note: the text ends here because the context is full\n") }
  }
}

extension FinishReason {
  fileprivate var snakeCase: String {
    switch self {
    case .stopToken: "stop_token"
    case .stopString: "stop_string"
    case .length: "length"
    case .contextFull: "context_full"
    case .cancelled: "cancelled"
    }
  }
}
