import ArgumentParser
import Kinglet
import KingletEvaluation
import KingletGGUF
import KingletTensors
import KingletTransformer

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how fast a model runs on this machine.",
    discussion: """
      Examples:
        kinglet bench --model smollm2
        kinglet bench --model smollm2 --roofline
        kinglet bench --model model.gguf -p 128 -n 32 -t 1,2 -r 5 --json
        kinglet bench --model model.gguf -p 0 -n 64 --depth 0,4096 --roofline
        kinglet bench --model model.gguf -p 0 --parallel 1,2,4,8
        kinglet bench --model model.gguf -p 0 --parallel 1,2 --adapter legal --adapter medical --adapters-apart
        kinglet bench --model model.gguf --compare-matmul
        kinglet bench --model minilm --lengths 16,256 --batches 1,32

      pp512 is the prefill of a prompt of 512 tokens, tg64 the generation of 64 tokens one at a time, both in tokens per \
      second: the median of the repetitions, the slowest and the fastest. 0 leaves a test out. tg64 @ d4096 begins after \
      4,096 other tokens; tg64 x 8 generates eight sequences at once, and counts the tokens of all.

      --roofline also measures what this machine can do at most with as many threads: the rate at which it reads memory, \
      multiplies float matrices, and multiplies 8-bit integers where it has instructions for that. They are sampled \
      between the passes over the model, so that neighbours slow both alike, and the medians are compared: generation \
      should come near the first, a prefill of quantised weights should exceed the second.

      An encoder, or any model with --lengths, is measured in texts per second, by their length in tokens and by how many \
      come at once.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case markdown, json, csv }

  @OptionGroup var model: ModelArgument
  @OptionGroup var adapters: AdapterArguments

  @Option(name: [.customShort("p"), .long], help: "Tokens of the prompt.")
  var promptLength: Int = 512

  @Option(name: [.customShort("n"), .long], help: "Tokens to generate.")
  var generatedLength: Int = 64

  @Option(name: [.short, .long], help: ArgumentHelp("Tokens of context before a test begins.", valueName: "0,4096"))
  var depth: String = "0"

  @Option(name: [.short, .long], help: ArgumentHelp("Thread counts, separated by commas.", valueName: "1,2"))
  var threads: String?

  @Option(help: ArgumentHelp("Sequences generated at once, separated by commas.", valueName: "1,8"))
  var parallel: String = "1"

  @Flag(help: "Give each sequence of --parallel one of the adapters, in turn, instead of all.")
  var adaptersApart = false

  @Option(name: [.short, .long], help: "How often each test is run and counted.")
  var repetitions: Int = 3

  @Option(help: "How activations meet quantised weights: int8 (fast) or f32 (exact).")
  var activations: ComputeOptions.ActivationType = .int8

  @Option(help: "Who multiplies float weights: auto, blas or simd.")
  var matmul: ComputeOptions.Matmul = .auto

  @Option(help: "How keys and values are stored: f16, f32 or q8_0.")
  var kvType: KVType = .f16

  @Flag(help: "Also measure what this machine can do at most.")
  var roofline = false

  @Flag(help: "Compare own kernels and OpenBLAS on the model's matrices instead: -p tokens at a time, and one.")
  var compareMatmul = false

  @Option(help: ArgumentHelp("Tokens of the texts to be embedded (encoders: 16,64,256).", valueName: "16,256"))
  var lengths: String?

  @Option(help: ArgumentHelp("Texts to be embedded at once.", valueName: "1,32"))
  var batches: String = "1,32"

  @Option(help: "markdown, json or csv.")
  var format: Format = .markdown

  @Flag(help: "The same as --format json.")
  var json = false

  func validate() throws {
    if json, format == .csv { throw ValidationError("--json and --format csv exclude each other") }
    if adaptersApart, adapters.specifications.isEmpty {
      throw ValidationError("--adapters-apart needs adapters: --adapter PATH, several times")
    }
    if compareMatmul, format == .csv { throw ValidationError("--compare-matmul prints markdown or json") }
  }

  func run() throws {
    let plan = Benchmark.Plan(
      promptLength: promptLength, generatedLength: generatedLength, depths: try numbers(depth, "--depth", from: 0),
      threads: try threads.map { try numbers($0, "--threads", from: 1) } ?? [ThreadCount.available],
      parallel: try numbers(parallel, "--parallel", from: 1), adaptersApart: adaptersApart, repetitions: repetitions,
      measuresRoofline: roofline)
    let bar = ProgressBar("Measuring")
    Interrupts.shared.handle {}
    if compareMatmul { return try compareMatmul(plan, bar) }
    let file = try model.open()
    if try lengths != nil || Encoder.isEncoder(file) { return try benchEncoder(file, plan, bar) }
    let result = try Benchmark.run(
      file, plan: plan, compute: .init(activations: activations, matmul: matmul), cacheType: kvType,
      adapters: { (decoder) throws(KingletError) in try adapters.load(decoder.load) },
      isCancelled: { Interrupts.shared.isInterrupted }, progress: { bar.update($0) })
    bar.finish()
    switch json ? .json : format {
    case .json: try printJSON(result)
    case .markdown: try standardOutput(result.markdown)
    case .csv: try standardOutput(result.commaSeparated)
    }
  }

  private func benchEncoder(_ file: GGUFFile, _ plan: Benchmark.Plan, _ bar: ProgressBar) throws {
    let result = try EncoderBenchmark.run(
      file,
      plan: .init(
        lengths: numbers(lengths ?? "16,64,256", "--lengths", from: 1), batches: numbers(batches, "--batches", from: 1),
        threads: plan.threads, repetitions: plan.repetitions),
      compute: .init(threads: plan.threads.max(), activations: activations, matmul: matmul),
      isCancelled: { Interrupts.shared.isInterrupted }, progress: { bar.update($0) })
    bar.finish()
    if json || format == .json { try printJSON(result) } else { try standardOutput(result.markdown) }
  }

  private func compareMatmul(_ plan: Benchmark.Plan, _ bar: ProgressBar) throws {
    let result = try MatmulComparison.run(
      model.open(), tokens: promptLength > 1 ? [promptLength, 1] : [1], repetitions: repetitions,
      compute: .init(threads: plan.threads.max(), activations: activations),
      isCancelled: { Interrupts.shared.isInterrupted }, progress: { bar.update($0) })
    bar.finish()
    if json || format == .json { try printJSON(result) } else { try standardOutput(result.markdown) }
  }

  /// "1,2" as numbers.
  private func numbers(_ text: String, _ option: String, from least: Int) throws(KingletError) -> [Int] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { (word) throws(KingletError) in
      guard let number = Int(word), number >= least else {
        throw KingletError(.invalidArgument, "`\(word)` is no number from \(least) on", at: option)
      }
      return number
    }
  }
}
