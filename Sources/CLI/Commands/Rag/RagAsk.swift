import ArgumentParser
import Kinglet
import KingletRetrieval

/// How answers are written.
struct AnswerArguments: ParsableArguments {
  @Option(parsing: .unconditional, help: "The most tokens of passages in the prompt.")
  var contextTokens = 1000

  @Option(parsing: .unconditional, help: "The most passages that are looked for.")
  var passages = 8

  @Option(help: "blend, hybrid, dense or keyword, as in `kinglet rag search`.")
  var mode: SearchMode = .blend

  @Option(help: ArgumentHelp("Only what fits, as in `kinglet rag search`.", valueName: "condition"))
  var filter: [String] = []

  @Option(
    parsing: .unconditional,
    help: "The cosine that a passage must have with the question; without any, nothing is said.")
  var threshold: Float = AnswerOptions().threshold

  func validate() throws {
    if contextTokens < 1 || passages < 1 { throw ValidationError("--context-tokens and --passages must be 1 or more") }
  }

  func options(_ generation: GenerationOptions) throws -> AnswerOptions {
    let conditions = try filter.map { (text) throws(KingletError) in try SearchFilter.Condition(parsing: text) }
    return AnswerOptions(
      search: SearchOptions(top: passages, mode: mode, filter: SearchFilter(conditions)), contextTokens: contextTokens,
      threshold: threshold, generation: generation)
  }
}

struct RagAsk: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ask",
    abstract: "Answer a question from the documents, with sources.",
    discussion: """
      Examples:
        kinglet rag ask library.sqlite "How do I renew my licence?"
        kinglet rag ask library.sqlite "What does it cost?" --filter format=pdf --model smollm2
        kinglet rag ask library.sqlite "Who decides?" --json

      Each sentence is followed by the numbers of the passages it rests on, found by comparing it with them; a sentence \
      that nothing supports is marked. When no passage is near the question, the answer says so.
      """)

  @OptionGroup var store: StoreArguments
  @Argument(help: "The question.")
  var question: String
  @OptionGroup var loading: LoadArguments
  @OptionGroup var sampling: SamplingArguments
  @OptionGroup var answering: AnswerArguments

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() async throws {
    let base = try await store.open(compute: loading.compute.options)
    let model = try await loading.load()
    let answer = try await base.answerWithBar(
      question, with: model, options: answering.options(sampling.options(defaultMaxTokens: 300)))
    if json { return try printJSON(answer) }
    try standardOutput(answer.lines)
  }
}

struct RagChat: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chat",
    abstract: "Ask one question after another.",
    discussion: """
      Examples:
        kinglet rag chat library.sqlite
        kinglet rag chat library.sqlite --model smollm2 --context-tokens 600
        kinglet rag chat library.sqlite --json < questions.txt

      A question may refer to the one before: it is looked for with what it refers to. /clear forgets the conversation; \
      /exit or Ctrl-D leaves.
      """)

  @OptionGroup var store: StoreArguments
  @OptionGroup var loading: LoadArguments
  @OptionGroup var sampling: SamplingArguments
  @OptionGroup var answering: AnswerArguments

  @Flag(help: "Print one JSON object a line for each question.")
  var json = false

  func run() async throws {
    let base = try await store.open(compute: loading.compute.options)
    let model = try await loading.load()
    let options = try answering.options(sampling.options(defaultMaxTokens: 300))
    let isInteractive = isTerminal(0)
    var history: [ChatMessage] = []
    while true {
      if isInteractive { standardError("> ") }
      guard let question = readLine() else { break }
      switch question.drop(while: { $0 == " " }) {
      case "": continue
      case "/exit", "/quit": return
      case "/clear": history = []
      default:
        let answer = try await base.answerWithBar(question, with: model, history: history, options: options)
        if json {
          try printJSON(answer, pretty: false)
        } else {
          if answer.standaloneQuestion != question { standardError("(\(answer.standaloneQuestion))\n") }
          try standardOutput(answer.lines + "\n")
        }
        history += [.user(question), .assistant(answer.text)]
      }
    }
    if isInteractive { standardError("\n") }
  }
}

extension KnowledgeBase {
  /// Answers under a progress bar: the text can only be shown when its sentences have been compared with the passages.
  fileprivate func answerWithBar(
    _ question: String, with model: LanguageModel, history: [ChatMessage] = [], options: AnswerOptions
  ) async throws(KingletError) -> Answer {
    let bar = ProgressBar("Answering")
    defer { bar.finish() }
    var pieces = 0
    return try await answer(question, with: model, history: history, options: options) { _ in
      pieces += 1
      bar.update(Double(pieces) / Double(max(1, options.generation.maxTokens ?? 1)))
    }
  }
}

extension Answer {
  /// The answer with its sources, for people.
  var lines: String {
    if isAbstention { return text + "\n" }
    var lines =
      sentences.map { sentence in
        sentence.text + (sentence.citations.isEmpty ? " (no source)" : sentence.citations.map { " [\($0)]" }.joined())
      }.joined(separator: " ") + "\n"
    if !citations.isEmpty { lines += "\n" }
    for citation in citations {
      let quote = citation.quote.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      lines += "[\(citation.number)] \(citation.place)\n    “\(quote)”\n"
    }
    return lines
  }
}

extension Citation {
  fileprivate var place: String {
    if let pages { return document + (pages[0] == pages[1] ? " page \(pages[0])" : " pages \(pages[0])-\(pages[1])") }
    if let pointer { return "\(document)#\(pointer)" }
    if let row { return "\(document) row \(row)" }
    if let element { return "\(document) \(element)" }
    return "\(document):\(lines[0])-\(lines[1])"
  }
}
