import ArgumentParser
import Kinglet
import KingletEvaluation
import KingletTensors

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how fast a model runs on this machine.",
    discussion: """
      Examples:
        kinglet bench --model smollm2
        kinglet bench --model model.gguf -p 128 -n 32 --threads 1,2 --repetitions 5 --format json

      pp512 is the prefill of a prompt of 512 tokens, tg64 the generation of 64 tokens one at a time, both in tokens per
      second: the median of the repetitions, the slowest and the fastest. 0 leaves a test out.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case markdown, json }

  @OptionGroup var model: ModelArgument

  @Option(name: [.customShort("p"), .long], help: "Tokens of the prompt.")
  var promptLength: Int = 512

  @Option(name: [.customShort("n"), .long], help: "Tokens to generate.")
  var generatedLength: Int = 64

  @Option(name: [.short, .long], help: ArgumentHelp("Thread counts, separated by commas.", valueName: "1,2"))
  var threads: String?

  @Option(name: [.short, .long], help: "How often each test is run and counted.")
  var repetitions: Int = 3

  @Option(help: "How activations meet quantised weights: int8 (fast) or f32 (exact).")
  var activations: ComputeOptions.ActivationType = .int8

  @Option(help: "Who multiplies float weights: auto, blas or simd.")
  var matmul: ComputeOptions.Matmul = .auto

  @Option(help: "How keys and values are stored: f16, f32 or q8_0.")
  var kvType: KVType = .f16

  @Option(help: "markdown or json.")
  var format: Format = .markdown

  func run() throws {
    let counts = try threadCounts()
    let plan = Benchmark.Plan(
      promptLength: promptLength, generatedLength: generatedLength, threads: counts, repetitions: repetitions)
    let bar = ProgressBar("Measuring")
    Interrupts.shared.handle {}
    let result = try Benchmark.run(
      model.open(), plan: plan, compute: .init(activations: activations, matmul: matmul), cacheType: kvType,
      isCancelled: { Interrupts.shared.isInterrupted }, progress: { bar.update($0) })
    bar.finish()
    switch format {
    case .json: try printJSON(result)
    case .markdown: try standardOutput(markdown(result))
    }
  }

  private func threadCounts() throws -> [Int] {
    guard let threads else { return [ThreadCount.available] }
    return try threads.split(separator: ",").map { word in
      guard let count = Int(word), count > 0 else {
        throw KingletError(.invalidArgument, "`\(word)` is no number of threads", at: "--threads")
      }
      return count
    }
  }

  private func markdown(_ b: Benchmark) -> String {
    var text = """
      \(b.model) on \(b.machine.processor), \(b.machine.cores) cores, kernels: \(b.machine.instructionSet)

      | test | threads | tokens/s | slowest | fastest |
      |---|---:|---:|---:|---:|

      """
    for test in b.tests {
      let rate = test.tokensPerSecond
      text += "| \(test.name) | \(test.threads) | \(decimal(rate.median, 1)) | \(decimal(rate.min, 1)) "
      text += "| \(decimal(rate.max, 1)) |\n"
    }
    return text + """

      load \(decimal(b.loadSeconds, 3)) s, first token after \(decimal(b.firstTokenSeconds, 3)) s, \
      peak memory \(byteCount(b.peakMemoryBytes))

      """
  }
}
