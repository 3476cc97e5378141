import ArgumentParser
import Kinglet

struct Embed: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Turn texts into vectors.",
    discussion: """
      Examples:
        kinglet embed --model minilm "small bird" "tiny engine"
        kinglet embed --model minilm --file lines.txt --binary > vectors.f32
        kinglet embed --model minilm --batch texts.json --overflow truncate --json
        kinglet embed --model model.gguf --task e5-query --dimensions 256 "how do kinglets sing?"
        kinglet embed --model minilm --adapter adapters/legal "breach of contract"
        kinglet embed --model model.gguf --tokens 101,2235,4743,102 --pooling none --dump hidden.f32

      Prints a vector on each line. With --json: one object with embeddings (a list of lists in the order of the texts; with \
      --pooling none a list of vectors for each text), dimensions, token_counts and dropped_token_counts. --binary and \
      --dump write raw little-endian float32, one vector after another.

      Ctrl-C keeps what has been written: with --json the object is closed, with "interrupted": true.
      """)

  @OptionGroup var embedding: EmbeddingArguments
  @OptionGroup var adapters: AdapterArguments

  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(help: "Print raw little-endian float32.")
  var binary = false

  @Option(help: ArgumentHelp("Write raw little-endian float32 to this file.", valueName: "file"))
  var dump: String?

  @Option(help: ArgumentHelp("A file with a text on each line; - is standard input.", valueName: "file"))
  var file: String?

  @Option(help: ArgumentHelp("A JSON file with an array of strings; - is standard input.", valueName: "file"))
  var batch: String?

  @Option(
    help: ArgumentHelp("Token ids, to which nothing is added; - reads them from standard input.", valueName: "1,2,3"))
  var tokens: String?

  @Argument(help: "The texts.")
  var texts: [String] = []

  func validate() throws {
    let sources = [!texts.isEmpty, file != nil, batch != nil, tokens != nil]
    if sources.count(where: { $0 }) != 1 { throw ValidationError("Give texts, --file, --batch or --tokens.") }
    if [json, binary, dump != nil].count(where: { $0 }) > 1 {
      throw ValidationError("--json, --binary and --dump exclude each other.")
    }
  }

  func run() async throws {
    let texts = try readTexts()
    let base = try await embedding.load()
    let model = try base.adapted(by: adapters.load(base.load))
    var embedder = model.embedder
    var sequences = texts.map { model.tokens(of: $0, task: embedding.embeddingTask) }
    if let tokens {
      embedder = Embedder(
        embedder.encoder, frame: TextFrame(), window: embedder.encoder.trainedContextLength,
        normalizes: embedder.normalizes)
      sequences = [try parseTokens(tokens)]
    }
    let isSingle = (embedding.pooling ?? model.description.pooling) == .none
    let width = isSingle ? model.embedder.encoder.description.hiddenSize : nil
    let writer: any VectorWriter =
      json
      ? JSONVectorWriter(width: width)
      : try (dump ?? (binary ? "/dev/stdout" : nil)).map(BinaryVectorWriter.init)
        ?? TextVectorWriter(width: width)
    try embed(sequences, with: embedder, to: writer)
  }

  private func embed(_ sequences: [[Int32]], with embedder: Embedder, to writer: any VectorWriter) throws {
    let bar = ProgressBar("Embedding")
    defer { bar.finish() }
    Interrupts.shared.handle {}
    let isCancelled = { Interrupts.shared.isInterrupted }
    let write = { (index: Int, embedding: Embedding) throws(KingletError) in
      try writer.write(embedding)
      bar.update(Double(index + 1) / Double(sequences.count), note: "\(index + 1) of \(sequences.count)")
    }
    do throws(KingletError) {
      try embedder.embed(sequences, options: embedding.options, isCancelled: isCancelled, each: write)
    } catch {
      if error.code == .cancelled { try writer.finish(isInterrupted: true) }
      throw error
    }
    try writer.finish(isInterrupted: false)
  }

  private func readTexts() throws -> [String] {
    if let batch {
      return try decodeJSON([String].self, from: readBytes(batch), named: batch, expecting: "a JSON array of strings")
    }
    guard let file else { return texts }
    // For a String, \r\n is one character.
    var lines = try readText(file).split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    // The last line ends with a line break, too.
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { String($0) }
  }
}
