import ArgumentParser
import Kinglet
import KingletCatalog
import KingletGGUF

extension ComputeOptions.ActivationType: ExpressibleByArgument {}
extension ComputeOptions.Matmul: ExpressibleByArgument {}
extension KVType: ExpressibleByArgument {}

/// Which model.
struct ModelArgument: ParsableArguments {
  @Option(
    name: [.short, .long], help: "Path of a GGUF file or a Hugging Face folder, or a name from `kinglet models`.")
  var model: String?

  /// The path of the GGUF file meant; that of a folder is made when it is first used.
  func path() throws(KingletError) -> String {
    let catalog = try Catalog.builtIn()
    guard let model else { return try catalog.path(of: catalog.defaultEntry, in: .current) }
    let bar = ProgressBar("Converting")
    Interrupts.shared.handle {}
    defer {
      Interrupts.shared.handle(nil)
      bar.finish()
    }
    return try ggufFile(
      of: catalog.resolve(model, in: .current), progress: { bar.update($0) },
      isCancelled: { Interrupts.shared.isInterrupted })
  }

  func open() throws(KingletError) -> GGUFFile { try GGUFFile(path: path()) }
}

/// How the model computes.
struct ComputeArguments: ParsableArguments {
  @Option(name: [.short, .long], parsing: .unconditional, help: "Threads (default: the cores this process may use).")
  var threads: Int?

  @Option(help: "How activations meet quantised weights: int8 (fast) or f32 (exact).")
  var activations: ComputeOptions.ActivationType = .int8

  @Option(help: "Who multiplies float weights: auto, blas or simd.")
  var matmul: ComputeOptions.Matmul = .auto

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be 1 or more") }
  }

  var options: ComputeOptions { ComputeOptions(threads: threads, activations: activations, matmul: matmul) }
}

/// What a model is loaded with for generation.
struct LoadArguments: ParsableArguments {
  @OptionGroup var model: ModelArgument
  @OptionGroup var compute: ComputeArguments

  @Option(
    name: [.short, .long], parsing: .unconditional,
    help: "Tokens of context (default: what the model was trained for, at most 8192).")
  var context: Int?

  @Option(help: "How keys and values are stored: f16, f32 or q8_0.")
  var kvType: KVType = .f16

  @Option(help: ArgumentHelp("A chat template to use in place of the model's.", valueName: "file"))
  var template: String?

  func validate() throws {
    if let context, context < 1 { throw ValidationError("--context must be 1 or more") }
  }

  /// Loads the model, with a progress bar if it takes long; Ctrl-C stops it.
  func load() async throws -> LanguageModel {
    let template = try template.map { try readText($0) }
    let bar = ProgressBar("Loading")
    defer { bar.finish() }
    return try await LanguageModel.load(
      model.path(),
      options: .init(contextLength: context, cacheType: kvType, compute: compute.options, template: template),
      progress: { bar.update($0) })
  }
}

/// How tokens are drawn, and when to stop.
struct SamplingArguments: ParsableArguments {
  @Option(
    name: [.customShort("n"), .long], parsing: .unconditional,
    help: "The most tokens to generate (default: 512, in a chat 1024 an answer).")
  var maxTokens: Int?

  @Option(
    parsing: .unconditional,
    help: "0 always takes the most probable token, whatever the next three say; higher is more varied.")
  var temperature: Float = 0

  @Option(parsing: .unconditional, help: "Draw among this many of the most probable tokens.")
  var topK: Int?

  @Option(parsing: .unconditional, help: "Draw among the fewest tokens that together have this probability.")
  var topP: Float?

  @Option(parsing: .unconditional, help: "Draw among tokens at least this times as probable as the best.")
  var minP: Float?

  @Option(parsing: .unconditional, help: "Divide the logits of tokens seen lately; 1 leaves them alone.")
  var repetitionPenalty: Float = 1

  @Option(help: "The start of the random sequence: same seed, same text.")
  var seed: UInt64?

  @Option(help: ArgumentHelp("End before this text; may be given several times.", valueName: "text"))
  var stop: [String] = []

  @Option(help: "What to do with too long a prompt: error, keep-end or drop-oldest-turns.")
  var truncate: TruncationArgument = .error

  func options(defaultMaxTokens: Int) -> GenerationOptions {
    GenerationOptions(
      sampling: sampling, maxTokens: maxTokens ?? defaultMaxTokens, stopStrings: stop, truncation: truncate.truncation)
  }

  private var sampling: SamplingOptions {
    SamplingOptions(
      temperature: temperature, topK: topK, topP: topP, minP: minP, repetitionPenalty: repetitionPenalty, seed: seed)
  }

  /// Now, and not after the seconds that loading a model may take.
  func validate() throws {
    do {
      try sampling.validate()
    } catch {
      throw ValidationError(error.description)
    }
    if let maxTokens, maxTokens < 0 { throw ValidationError("--max-tokens must be 0 or more") }
    if stop.contains("") { throw ValidationError("--stop must not be empty: it would match anywhere") }
  }
}

enum TruncationArgument: String, ExpressibleByArgument, CaseIterable {
  case error
  case keepEnd = "keep-end"
  case dropOldestTurns = "drop-oldest-turns"

  var truncation: Truncation {
    switch self {
    case .error: .error
    case .keepEnd: .keepEnd
    case .dropOldestTurns: .dropOldestTurns
    }
  }
}
