import ArgumentParser
import Kinglet
import KingletEvaluation
import KingletTransformer

struct CompareModels: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare-models",
    abstract: "Measure how far a model departs from another, as by quantisation.",
    discussion: """
      Examples:
        kinglet compare-models model-f16.gguf model-q4_k_m.gguf article.txt
        kinglet compare-models model-f16.gguf model-q4_k_m.gguf --json - < article.txt

      The text is cut into chunks of the context's length, each run alone, the second half of each scored. With --json: \
      reference_perplexity, perplexity, mean_divergence (Kullback-Leibler, nats a token), divergence_error, \
      largest_divergence, top_agreement, chunks, context, scored_tokens.
      """)

  @Argument(help: "The model to compare with: a GGUF file, or a name from `kinglet models`.")
  var reference: String

  @Argument(help: "The model to be judged.")
  var other: String

  @Argument(help: "The text file; - is standard input.")
  var file: String

  @OptionGroup var compute: ComputeArguments

  @Option(name: [.short, .long], help: "Tokens of a chunk.")
  var context: Int = 512

  @Option(help: "How keys and values are stored: f16, f32 or q8_0.")
  var kvType: KVType = .f32

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let text = try readText(file)
    let (decoder, tokenizer) = try load(reference)
    let judged = try load(other).decoder
    let beginning = tokenizer.special.addsBOS ? tokenizer.special.bos : nil
    let tokens = (beginning.map { [$0] } ?? []) + tokenizer.encode(text, addSpecial: false)
    let bar = ProgressBar("Comparing")
    Interrupts.shared.handle {}
    let result = try ModelComparison.measure(
      decoder, judged, tokens: tokens, context: context, beginningOfSequence: beginning, cacheType: kvType,
      isCancelled: { Interrupts.shared.isInterrupted }
    ) { soFar, chunkCount in
      bar.update(
        Double(soFar.chunks) / Double(chunkCount), note: "(divergence \(decimal(soFar.meanDivergence, 4)) nats)")
    }
    bar.finish()
    if json { return try printJSON(result) }
    let change = (result.perplexity / result.referencePerplexity - 1) * 100
    try standardOutput(
      table([
        ["perplexity of the reference", decimal(result.referencePerplexity, 4)],
        ["perplexity", "\(decimal(result.perplexity, 4)) (\(change < 0 ? "" : "+")\(decimal(change, 2)) %)"],
        [
          "mean divergence",
          "\(decimal(result.meanDivergence, 5)) ± \(decimal(result.divergenceError, 5)) nats a token, "
            + "at most \(decimal(result.largestDivergence, 3))",
        ],
        ["same most probable token", "\(decimal(result.topAgreement * 100, 2)) %"],
        [
          "scored",
          "\(result.scoredTokens) tokens in \(result.chunks) chunks of \(result.context)",
        ],
      ]))
  }

  private func load(_ model: String) throws -> (decoder: Decoder, tokenizer: Tokenizer) {
    var argument = ModelArgument()
    argument.model = model
    let file = try argument.open()
    let bar = ProgressBar("Loading")
    defer { bar.finish() }
    let decoder = try Decoder.load(file, options: .init(compute: compute.options), progress: { bar.update($0) })
    return (decoder, try Tokenizer.load(from: file))
  }
}
