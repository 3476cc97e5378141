import ArgumentParser
import Kinglet

extension Pooling: ExpressibleByArgument {}
extension EmbeddingOptions.Overflow: ExpressibleByArgument {}

/// Which embedding model, and how it makes vectors.
struct EmbeddingArguments: ParsableArguments {
  @Option(name: [.short, .long], help: "Path of a GGUF file, or a name from `kinglet models`.")
  var model: String

  @OptionGroup var compute: ComputeArguments

  @Option(help: "How tokens become one vector: none, mean, cls, last or rank (default: what the model says).")
  var pooling: Pooling?

  @Option(
    parsing: .unconditional, help: "Keep only so many of the first dimensions, for models that are trained for it.")
  var dimensions: Int?

  @Option(help: "What becomes of a text that is longer than the model's window: error, truncate or split.")
  var overflow: EmbeddingOptions.Overflow = .error

  @Option(parsing: .unconditional, help: "The longest text in tokens (default: what the model was made for).")
  var window: Int?

  @Flag(inversion: .prefixedNo, help: "Scale vectors to unit length (default: what the model says).")
  var normalize: Bool?

  @Option(
    help:
      "Put the words before each text that the model wants: \(EmbeddingTask.named.keys.sorted().joined(separator: ", "))."
  )
  var task: String = "plain"

  @Option(help: "Put these words before each text.")
  var prefix: String?

  func validate() throws {
    if EmbeddingTask.named[task] == nil { throw ValidationError("There is no task `\(task)`.") }
    if prefix != nil, task != "plain" { throw ValidationError("--task and --prefix exclude each other.") }
  }

  var embeddingTask: EmbeddingTask { prefix.map { .prefix($0) } ?? EmbeddingTask.named[task] ?? .plain }

  var options: EmbeddingOptions {
    EmbeddingOptions(
      pooling: pooling, normalizes: normalize, dimensions: dimensions, overflow: overflow, window: window)
  }

  /// Loads the model, with a progress bar if it takes long; Ctrl-C stops it.
  func load() async throws -> EmbeddingModel {
    let bar = ProgressBar("Loading")
    defer { bar.finish() }
    return try await EmbeddingModel.load(model, compute: compute.options, progress: { bar.update($0) })
  }
}
