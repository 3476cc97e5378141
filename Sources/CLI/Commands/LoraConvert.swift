import ArgumentParser
import Kinglet
import KingletAdapters
import KingletGGUF

extension Adapter.Format: ExpressibleByArgument {
  public static var allValueStrings: [String] { ["peft", "mlx", "gguf"] }
}

struct LoraConvert: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write an adapter in the format of another program.",
    discussion: """
      Examples:
        kinglet lora convert adapters/legal -o legal.gguf --to gguf --base model.gguf
        kinglet lora convert legal.gguf -o legal-peft --to peft --base model.gguf
        kinglet lora convert adapters/legal -o legal-mlx --to mlx

      The effect stays the same. PEFT can say everything; llama.cpp has one alpha and MLX one scale and one rank for all, \
      so other scales, as those of rsLoRA and alpha_pattern, are folded into B, and this is said. What has no place in the \
      format (DoRA in a GGUF file) is refused by name. The base is needed for GGUF, and to put the rows of queries and keys \
      of llama-like models in order.
      """)

  @Argument(help: "A PEFT or MLX folder, or a GGUF file.")
  var adapter: String

  @Option(
    name: [.short, .long], help: ArgumentHelp("The folder (PEFT, MLX) or file (GGUF) to write.", valueName: "path"))
  var output: String

  @Option(help: "The format to write: peft, mlx or gguf.")
  var to: Adapter.Format

  @Option(help: ArgumentHelp("The base of the adapter: a GGUF file, a folder or a name.", valueName: "model"))
  var base: String?

  @Flag(help: "Print one JSON object: output, format, updates, notes.")
  var json = false

  func run() throws {
    let adapter = try Adapter(contentsOf: adapter)
    let notes = try adapter.write(to: output, as: to, base: try AdapterBase(named: base))
    if json {
      return try printJSON(
        Report(output: output, format: to.rawValue, updates: adapter.updates.count, notes: notes))
    }
    for note in notes { standardError("note: \(note)\n") }
    try standardOutput("\(output): \(adapter.updates.count) updates, \(adapter.format.rawValue) to \(to.rawValue)\n")
  }

  private struct Report: Encodable {
    let output: String
    let format: String
    let updates: Int
    let notes: [String]
  }
}

extension AdapterBase {
  /// The base that an option names, or nil.
  init?(named model: String?) throws(KingletError) {
    guard let model else { return nil }
    var argument = ModelArgument()
    argument.model = model
    try self.init(argument.open())
  }
}
