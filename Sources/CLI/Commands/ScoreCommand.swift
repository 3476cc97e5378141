import ArgumentParser
import Kinglet
import KingletEvaluation
import KingletTransformer

struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Tell how probable a model finds each token of a text.",
    discussion: """
      Examples:
        kinglet score --model smollm2 --text article.txt
        kinglet score --model model.gguf --tokens 1,2,3 --top 5 --json
        kinglet score --model model.gguf --tokens 1,2,3 --dump-logits logits.f32

      Natural logarithms. With --json: tokens, log_probabilities (null for the first), negative_log_likelihood and, with \
      --top, for each position the most probable next tokens (token, logit, log_probability). --dump-logits writes raw \
      little-endian float32, [tokens, vocabulary]. Keys and values are kept in F32 unless told otherwise.
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var compute: ComputeArguments
  @OptionGroup var adapters: AdapterArguments

  @Option(
    help: ArgumentHelp("Token ids, to which nothing is added; - reads them from standard input.", valueName: "1,2,3"))
  var tokens: String?

  @Option(help: ArgumentHelp("A text file; - is standard input.", valueName: "file"))
  var text: String?

  @Option(help: ArgumentHelp("Also report this many of the most probable next tokens.", valueName: "count"))
  var top: Int = 0

  @Option(help: ArgumentHelp("Write all logits to this file.", valueName: "file"))
  var dumpLogits: String?

  @Option(help: "How keys and values are stored: f16, f32 or q8_0.")
  var kvType: KVType = .f32

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if (tokens == nil) == (text == nil) { throw ValidationError("Give either --tokens or --text.") }
    if top < 0 { throw ValidationError("--top must be 0 or more") }
  }

  func run() throws {
    let file = try model.open()
    let ids: [Int32]
    if let tokens {
      ids = try parseTokens(tokens)
    } else {
      ids = try Tokenizer.load(from: file).encode(readText(text ?? "-"))
    }
    guard !ids.isEmpty else { throw KingletError(.invalidArgument, "there are no tokens to score") }
    let dump = try dumpLogits.map { try OutputFile(path: $0) }
    let loading = ProgressBar("Loading")
    var decoder = try Decoder.load(file, options: .init(compute: compute.options), progress: { loading.update($0) })
    loading.finish()
    decoder = try decoder.adapted(by: adapters.load(decoder.load).map { $0.starting(in: ids) })
    let bar = ProgressBar("Scoring")
    var done = 0
    Interrupts.shared.handle {}
    let score = try Score.measure(
      decoder, tokens: ids, cacheType: kvType, top: top, isCancelled: { Interrupts.shared.isInterrupted }
    ) { (row) throws(KingletError) in
      try dump?.write(row)
      done += 1
      bar.update(Double(done) / Double(ids.count))
    }
    bar.finish()
    try dump?.finish()
    if json { return try printJSON(score) }
    try show(score, try? Tokenizer.load(from: file))
  }

  private func show(_ score: Score, _ tokenizer: Tokenizer?) throws {
    func name(_ token: Int32) -> String { tokenizer.map { $0.text(of: token).debugDescription } ?? "" }
    var rows: [[String]] = []
    for (position, token) in score.tokens.enumerated() {
      let value = score.logProbabilities[position].map { decimal($0, 4) } ?? "-"
      var row = ["\(position)", "\(token)", value, name(token)]
      if let top = score.top?[position] {
        row.append(top.map { "\($0.token) \(name($0.token)) \(decimal($0.logProbability, 3))" }.joined(separator: ", "))
      }
      rows.append(row)
    }
    let head = ["position", "token", "ln p", "text"] + (top > 0 ? ["most probable next"] : [])
    try standardOutput(table([head] + rows, right: [0, 1, 2]))
    try standardOutput(
      "\nnegative log-likelihood \(decimal(score.negativeLogLikelihood, 4)) over \(max(0, score.tokens.count - 1)) tokens\n"
    )
  }
}
