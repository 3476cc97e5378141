import ArgumentParser
import Kinglet
import KingletGGUF
import KingletQuantization

extension FileType: ExpressibleByArgument {
  public init?(argument: String) { self.init(name: argument) }
  public static var allValueStrings: [String] { allCases.map(\.name) }
}

struct QuantizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Make a smaller file of a model.",
    discussion: """
      Examples:
        kinglet quantize model-f16.gguf model-q4_k_m.gguf Q4_K_M
        kinglet quantize model-f32.gguf small.gguf IQ4_XS --imatrix model.imatrix.gguf
        kinglet quantize model-q8_0.gguf model-q4_0.gguf Q4_0 --allow-requantize

      Q4_K_M is a good choice for most models; Q8_0 and Q6_K lose next to nothing; below Q4 an importance matrix (see \
      `kinglet imatrix`) helps. The file is the one that llama.cpp makes, byte for byte. `kinglet compare-models` \
      measures what was lost.
      """)

  @Argument(help: "The GGUF file to read: F32, F16 or BF16.")
  var input: String

  @Argument(help: "The GGUF file to write.")
  var output: String

  @Argument(help: ArgumentHelp("The type of most weights, such as Q4_K_M.", valueName: "type"))
  var type: FileType

  @Option(help: ArgumentHelp("An importance matrix from `kinglet imatrix`.", valueName: "file"))
  var imatrix: String?

  @Flag(help: "Accept a file that is quantised already: its errors are added to the new ones.")
  var allowRequantize = false

  @Option(name: [.short, .long], parsing: .unconditional, help: "Threads (default: the cores this process may use).")
  var threads: Int?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be 1 or more") }
  }

  func run() throws {
    let file = try GGUFFile(path: input)
    let plan = try Quantization(
      file,
      .init(
        type: type, importance: try imatrix.map { path throws(KingletError) in try ImportanceMatrix(path: path) },
        allowsRequantization: allowRequantize, threads: threads))
    let start = ContinuousClock.now
    let bar = ProgressBar("Quantising")
    Interrupts.shared.handle {}
    defer { bar.finish() }
    try plan.write(
      to: output, progress: { bar.update($0) }, isCancelled: { Interrupts.shared.isInterrupted })
    bar.finish()
    let report = Report(plan, from: file, to: try GGUFFile(path: output), seconds: start.duration(to: .now).seconds)
    if json { return try printJSON(report) }
    try standardOutput(report.text)
  }
}

extension Duration {
  fileprivate var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

/// What `quantize` has done.
private struct Report: Encodable {
  struct Tensor: Encodable {
    let name: String
    let source: String
    let target: String
    let isFallback: Bool
  }
  struct TypeCount: Encodable {
    let type: String
    let tensors: Int
    let bytes: Int
  }

  let output: String
  let inputBytes: Int
  let outputBytes: Int
  let bitsPerWeight: Double
  let seconds: Double
  let types: [TypeCount]
  let tensors: [Tensor]

  init(_ plan: Quantization, from input: GGUFFile, to file: GGUFFile, seconds: Double) {
    output = file.path
    inputBytes = input.byteCount
    outputBytes = file.byteCount
    self.seconds = seconds
    let weights = file.tensors.reduce(0) { $0 + $1.elementCount }
    bitsPerWeight = Double(file.tensors.reduce(0) { $0 + $1.byteCount }) * 8 / Double(max(1, weights))
    let groups = Dictionary(grouping: file.tensors, by: \.type)
    types =
      groups
      .map { TypeCount(type: $0.key.name, tensors: $0.value.count, bytes: $0.value.reduce(0) { $0 + $1.byteCount }) }
      .sorted { $0.bytes > $1.bytes }
    tensors = plan.tensors.map {
      Tensor(name: $0.name, source: $0.source.name, target: $0.target.name, isFallback: $0.isFallback)
    }
  }

  var text: String {
    var rows = [["type", "tensors", "size"]]
    rows += types.map { [$0.type, "\($0.tensors)", byteCount($0.bytes)] }
    let fallbacks = tensors.count(where: \.isFallback)
    var text = table(rows, right: [1, 2]) + "\n"
    if fallbacks > 0 {
      text += "\(fallbacks) tensors have rows that do not fill the blocks of their type and got a larger one\n"
    }
    return text + """
      \(output): \(byteCount(outputBytes)) of \(byteCount(inputBytes)), \(decimal(bitsPerWeight, 2)) bits a weight, \
      in \(decimal(seconds, 1)) s\n
      """
  }
}
