import ArgumentParser
import Kinglet
import KingletConversion
import KingletGGUF

extension WeightType: ExpressibleByArgument {}

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Turn a Hugging Face folder into a GGUF file.",
    discussion: """
      Examples:
        kinglet convert all-MiniLM-L6-v2 -o minilm.gguf
        kinglet convert SmolLM2-135M --output smollm2.gguf --type q8_0

      The folder holds config.json, model.safetensors (or its shards) and a tokenizer; for embedders also modules.json. \
      The file can be used by Kinglet and by every other program that reads GGUF.
      """)

  @Argument(help: "A folder as `save_pretrained` of transformers writes it.")
  var folder: String

  @Option(name: [.short, .long], help: ArgumentHelp("The file to write.", valueName: "file"))
  var output: String

  @Option(
    help:
      "How weights are stored: \(WeightType.allCases.map(\.rawValue).joined(separator: ", ")) (default: as they are).")
  var type: WeightType?

  func run() throws {
    let model = try HuggingFaceModel(folder: folder)
    let bar = ProgressBar("Converting")
    defer { bar.finish() }
    // A handler, so that Ctrl-C takes the unfinished file away rather than ending the process at once.
    Interrupts.shared.handle {}
    defer { Interrupts.shared.handle(nil) }
    try model.write(
      to: output, type: type, progress: { bar.update($0) }, isCancelled: { Interrupts.shared.isInterrupted })
    bar.finish()
    let file = try GGUFFile(path: output)
    try standardOutput(
      "\(output): \(model.architecture), \(decimal(Double(model.parameterCount) / 1e6, 1)) M parameters, "
        + "\(byteCount(file.byteCount))\n")
  }
}
