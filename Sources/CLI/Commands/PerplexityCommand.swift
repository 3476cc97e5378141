import ArgumentParser
import Kinglet
import KingletEvaluation
import KingletTransformer

struct PerplexityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perplexity",
    abstract: "Measure how well a model predicts a text.",
    discussion: """
      Examples:
        kinglet perplexity --model smollm2 article.txt
        kinglet perplexity --model model.gguf --context 512 --json - < article.txt

      The text is cut into chunks of the context's length, each run alone, the second half of each scored, as \
      `llama-perplexity` does. With --json: perplexity, standard_error, chunks, context, scored_tokens, running.
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var compute: ComputeArguments
  @OptionGroup var adapters: AdapterArguments

  @Option(name: [.short, .long], help: "Tokens of a chunk.")
  var context: Int = 512

  @Option(help: "How keys and values are stored: f16, f32 or q8_0.")
  var kvType: KVType = .f32

  @Flag(help: "Print one JSON object.")
  var json = false

  @Argument(help: "The text file; - is standard input.")
  var file: String

  func run() throws {
    let text = try readText(file)
    let gguf = try model.open()
    let tokenizer = try Tokenizer.load(from: gguf)
    let loading = ProgressBar("Loading")
    var decoder = try Decoder.load(gguf, options: .init(compute: compute.options), progress: { loading.update($0) })
    loading.finish()
    decoder = try decoder.adapted(by: adapters.load(decoder.load))
    let beginning = tokenizer.special.addsBOS ? tokenizer.special.bos : nil
    // The chunks are those of the text with its beginning of sequence, which then leads every chunk.
    let tokens = (beginning.map { [$0] } ?? []) + tokenizer.encode(text, addSpecial: false)
    let bar = ProgressBar("Perplexity")
    Interrupts.shared.handle {}
    let result = try Perplexity.measure(
      decoder, tokens: tokens, context: context, beginningOfSequence: beginning, cacheType: kvType,
      isCancelled: { Interrupts.shared.isInterrupted }
    ) { soFar, chunkCount in
      bar.update(
        Double(soFar.chunks) / Double(chunkCount),
        note: "(\(decimal(soFar.perplexity, 3)) after \(soFar.chunks) chunks)")
    }
    bar.finish()
    if json { return try printJSON(result) }
    try standardOutput(
      """
      perplexity \(decimal(result.perplexity, 4)) ± \(decimal(result.standardError, 4)) \
      (\(result.chunks) chunks of \(result.context) tokens, \(result.scoredTokens) scored)\n
      """)
  }
}
