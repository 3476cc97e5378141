import ArgumentParser
import Kinglet
import KingletAdapters
import KingletEvaluation
import KingletGGUF
import KingletMerging
import KingletQuantization
import KingletTransformer

struct LoraMerge: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Fold adapters into the weights of their base.",
    discussion: """
      Examples:
        kinglet lora merge smollm2 adapters/legal -o legal.gguf
        kinglet lora merge model-f16.gguf style.gguf=0.5 adapters/facts -o both.gguf --type q4_k_m
        kinglet lora merge model.gguf adapters/legal -o legal.gguf --text article.txt

      The sums are made in float. Without --type each tensor keeps the type it has in the base, and those that no adapter \
      changes keep their bytes; a change smaller than the steps of a quantised type is lost in the rounding, so start from \
      an F16 or F32 base where you can. --text measures it: the perplexity of the base with the adapters applied beside \
      its weights, and that of the merged file. With --json: output, bytes, tensors, merged_tensors, types, \
      unmerged_perplexity, merged_perplexity, seconds.
      """)

  @Argument(help: "The base: a GGUF file or a Hugging Face folder, or a name from `kinglet models`.")
  var base: String

  @Argument(
    help: ArgumentHelp(
      "A PEFT or MLX folder, or a GGUF file; with =0.5 at half its strength. Several add up.",
      valueName: "adapter[=scale]"))
  var adapters: [String]

  @Option(name: [.short, .long], help: ArgumentHelp("The GGUF file to write.", valueName: "file"))
  var output: String

  @Option(help: ArgumentHelp("Quantise the whole file, as `kinglet quantize` does.", valueName: "type"))
  var type: FileType?

  @Option(
    help: ArgumentHelp("Measure on this text what the rounding has cost; - is standard input.", valueName: "file"))
  var text: String?

  @Option(name: [.short, .long], help: "Tokens of a chunk of the text.")
  var context: Int = 512

  @Option(name: [.short, .long], parsing: .unconditional, help: "Threads (default: the cores this process may use).")
  var threads: Int?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be 1 or more") }
    if context < 4 { throw ValidationError("--context must be 4 or more") }
  }

  func run() throws {
    let text = try text.map { try readText($0) }
    var argument = ModelArgument()
    argument.model = base
    let file = try argument.open()
    var read: [(adapter: Adapter, strength: Float)] = []
    for specification in adapters { read.append(try AdapterArguments.read(specification)) }
    let merge = try Merge(file, read, .init(type: type, threads: threads))
    let start = ContinuousClock.now
    // A text that is too short is better known before the work than after it.
    let probe = try text.map { try PerplexityProbe($0, file, context: context, threads: threads) }
    let bar = ProgressBar("Merging")
    Interrupts.shared.handle {}
    defer {
      Interrupts.shared.handle(nil)
      bar.finish()
    }
    try merge.write(to: output, progress: { bar.update($0) }, isCancelled: { Interrupts.shared.isInterrupted })
    bar.finish()
    let seconds = start.duration(to: .now)
    let merged = try GGUFFile(path: output)
    var perplexities: (unmerged: Double, merged: Double)?
    if let probe { perplexities = (try probe.measure(file, read), try probe.measure(merged, [])) }
    let report = Report(merge, merged, perplexities, seconds: seconds)
    if json { return try printJSON(report) }
    try standardOutput(report.text(baseBytes: file.byteCount))
  }
}

/// The perplexity of a text, cut into tokens once.
private struct PerplexityProbe {
  let tokens: [Int32]
  let beginning: Int32?
  let context: Int
  let threads: Int?

  init(_ text: String, _ file: GGUFFile, context: Int, threads: Int?) throws(KingletError) {
    let tokenizer = try Tokenizer.load(from: file)
    beginning = tokenizer.special.addsBOS ? tokenizer.special.bos : nil
    tokens = (beginning.map { [$0] } ?? []) + tokenizer.encode(text, addSpecial: false)
    self.context = context
    self.threads = threads
    guard tokens.count >= context else {
      throw KingletError(
        .invalidArgument, "the text has \(tokens.count) tokens, fewer than one chunk of \(context)", at: "--text",
        remedy: "Choose a longer text or a smaller --context.")
    }
  }

  /// In float, so that it is the weights that are compared.
  func measure(_ file: GGUFFile, _ adapters: [(adapter: Adapter, strength: Float)]) throws(KingletError) -> Double {
    var decoder = try Decoder.load(file, options: .init(compute: .init(threads: threads, activations: .f32)))
    var applied: [AppliedAdapter] = []
    for (adapter, strength) in adapters { applied.append(try decoder.load(adapter).scaled(strength)) }
    decoder = try decoder.adapted(by: applied)
    let bar = ProgressBar(adapters.isEmpty ? "Perplexity of the merged model" : "Perplexity with the adapters")
    defer { bar.finish() }
    return try Perplexity.measure(
      decoder, tokens: tokens, context: context, beginningOfSequence: beginning, cacheType: .f32,
      isCancelled: { Interrupts.shared.isInterrupted }
    ) { soFar, count in bar.update(Double(soFar.chunks) / Double(count)) }.perplexity
  }
}

/// What `lora merge` has done.
private struct Report: Encodable {
  struct TypeCount: Encodable {
    let type: String
    let tensors: Int
    let bytes: Int
  }

  let output: String
  let bytes: Int
  let tensors: Int
  let mergedTensors: Int
  let types: [TypeCount]
  let unmergedPerplexity: Double?
  let mergedPerplexity: Double?
  let seconds: Double

  init(_ merge: Merge, _ file: GGUFFile, _ perplexities: (unmerged: Double, merged: Double)?, seconds: Duration) {
    output = file.path
    bytes = file.byteCount
    tensors = merge.tensors.count
    mergedTensors = merge.tensors.count(where: \.isMerged)
    types = Dictionary(grouping: file.tensors, by: \.type)
      .map { TypeCount(type: $0.key.name, tensors: $0.value.count, bytes: $0.value.reduce(0) { $0 + $1.byteCount }) }
      .sorted { $0.bytes > $1.bytes }
    unmergedPerplexity = perplexities?.unmerged
    mergedPerplexity = perplexities?.merged
    self.seconds = seconds / .seconds(1)
  }

  func text(baseBytes: Int) -> String {
    var text = table(
      [["type", "tensors", "size"]] + types.map { [$0.type, "\($0.tensors)", byteCount($0.bytes)] }, right: [1, 2])
    text += """

      \(output): \(mergedTensors) of \(tensors) tensors changed, \(byteCount(bytes)) (base \(byteCount(baseBytes))), \
      in \(decimal(seconds, 1)) s\n
      """
    if let unmergedPerplexity, let mergedPerplexity {
      let change = (mergedPerplexity / unmergedPerplexity - 1) * 100
      text += table([
        ["perplexity with the adapters", decimal(unmergedPerplexity, 4)],
        ["perplexity of the merged file", decimal(mergedPerplexity, 4)],
        [
          "difference",
          "\(decimal(mergedPerplexity - unmergedPerplexity, 4)) (\(change < 0 ? "" : "+")\(decimal(change, 3)) %)",
        ],
      ])
    }
    return text
  }
}
