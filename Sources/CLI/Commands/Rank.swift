import ArgumentParser
import Kinglet

struct Rank: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Order texts by how well they answer a query, with a cross-encoder.",
    discussion: """
      Examples:
        kinglet rank --model reranker.gguf "how do kinglets sing?" "High and thin." "Diesel engines knock."
        kinglet rank --model reranker.gguf --json "query" "text" "text"

      Prints scores and texts, the best first; scores are comparable for one query only. With --json: scores, in the order \
      of the texts.
      """)

  @Option(name: [.short, .long], help: "Path of a GGUF file, or a name from `kinglet models`.")
  var model: String

  @OptionGroup var compute: ComputeArguments

  @Option(help: "What becomes of a text that does not fit the model's window beside the query: error or truncate.")
  var overflow: EmbeddingOptions.Overflow = .error

  @Flag(help: "Print one JSON object.")
  var json = false

  @Argument(help: "What is asked.")
  var query: String

  @Argument(help: "The texts.")
  var texts: [String]

  private struct Report: Encodable {
    let scores: [Float]
  }

  func run() async throws {
    let model = try await EmbeddingModel.load(model, compute: compute.options)
    let scores = try await model.rank(texts, for: query, overflow: overflow)
    if json { return try printJSON(Report(scores: scores)) }
    let ranked = zip(scores, texts).sorted { $0.0 > $1.0 }
    try standardOutput(table(ranked.map { [decimal(Double($0), 4), $1] }, right: [0]))
  }
}
