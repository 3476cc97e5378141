import ArgumentParser
import Kinglet

struct Similarity: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tell how alike texts are.",
    discussion: """
      Examples:
        kinglet similarity --model minilm "a small bird" "a tiny songster" "a diesel engine"
        kinglet similarity --model minilm --json "one" "two"

      Prints the cosine of each text with each: 1 for the same meaning, about 0 for nothing in common. With --json: texts \
      and cosines, a list of lists.
      """)

  @OptionGroup var embedding: EmbeddingArguments

  @Flag(help: "Print one JSON object.")
  var json = false

  @Argument(help: "Two texts or more.")
  var texts: [String]

  func validate() throws {
    if texts.count < 2 { throw ValidationError("Give at least two texts.") }
  }

  private struct Report: Encodable {
    let texts: [String]
    let cosines: [[Double]]
  }

  func run() async throws {
    let vectors = try await embedding.load().embed(
      texts, task: embedding.embeddingTask, options: embedding.options)
    let cosines = vectors.map { a in vectors.map { cosine(a, $0) } }
    if json { return try printJSON(Report(texts: texts, cosines: cosines)) }
    let head = [""] + texts.indices.map { "\($0 + 1)" }
    let rows = texts.enumerated().map { index, text in
      ["\(index + 1)  \(text)"] + cosines[index].map { decimal($0, 4) }
    }
    try standardOutput(table([head] + rows, right: Set(1...texts.count)))
  }

  private func cosine(_ a: [Float], _ b: [Float]) -> Double {
    func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
    let lengths = (dot(a, a) * dot(b, b)).squareRoot()
    return lengths > 0 ? dot(a, b) / lengths : 0
  }
}
