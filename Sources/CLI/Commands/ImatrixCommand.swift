import ArgumentParser
import Kinglet
import KingletQuantization
import KingletTransformer

struct ImatrixCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "imatrix",
    abstract: "Measure which weights of a model matter most, to quantise it better.",
    discussion: """
      Examples:
        kinglet imatrix model-f16.gguf text.txt -o model.imatrix.gguf
        kinglet quantize model-f16.gguf small.gguf IQ4_XS --imatrix model.imatrix.gguf

      The model reads the text in chunks; of each input of a matrix the mean square is kept. Some hundred thousand tokens \
      of the kind the model will meet are plenty. The file may be exchanged with llama.cpp.
      """)

  @Argument(help: "Path of a GGUF file, or a name from `kinglet models`.")
  var model: String

  @Argument(help: "The text file; - is standard input.")
  var file: String

  @Option(name: [.short, .long], help: ArgumentHelp("The file to write.", valueName: "file"))
  var output: String

  @Option(name: [.short, .long], help: "Tokens of a chunk.")
  var context: Int = 512

  @Option(help: "Read this many chunks at most.")
  var chunks: Int?

  @OptionGroup var compute: ComputeArguments

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if let chunks, chunks < 1 { throw ValidationError("--chunks must be 1 or more") }
    if context < 1 { throw ValidationError("--context must be 1 or more") }
  }

  func run() throws {
    let text = try readText(file)
    var argument = ModelArgument()
    argument.model = model
    let gguf = try argument.open()
    let tokenizer = try Tokenizer.load(from: gguf)
    let loading = ProgressBar("Loading")
    let decoder = try Decoder.load(gguf, options: .init(compute: compute.options), progress: { loading.update($0) })
    loading.finish()
    let beginning = tokenizer.special.addsBOS ? tokenizer.special.bos : nil
    var tokens = (beginning.map { [$0] } ?? []) + tokenizer.encode(text, addSpecial: false)
    if let chunks, tokens.count / context > chunks { tokens.removeLast(tokens.count - chunks * context) }
    let bar = ProgressBar("Reading")
    Interrupts.shared.handle {}
    let matrix = try ImportanceMatrix.measure(
      decoder, tokens: tokens, dataset: file, context: context, beginningOfSequence: beginning,
      isCancelled: { Interrupts.shared.isInterrupted }, progress: { bar.update(Double($0) / Double($1)) })
    bar.finish()
    try matrix.write(to: output)
    if json {
      return try printJSON(
        Report(output: output, entries: matrix.entries.count, chunks: matrix.chunkCount, context: context))
    }
    try standardOutput(
      "\(output): \(matrix.entries.count) matrices, \(matrix.chunkCount) chunks of \(context) tokens\n")
  }

  private struct Report: Encodable {
    let output: String
    let entries: Int
    let chunks: Int
    let context: Int
  }
}
