import ArgumentParser
import Kinglet
import KingletRetrieval

struct RagSearch: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Find passages.",
    discussion: """
      Examples:
        kinglet rag search library.sqlite "how are permits renewed?"
        kinglet rag search library.sqlite permits --mode keyword --top 3 --filter "path=2024/*.md"
        kinglet rag search library.sqlite "renewal" --json
        kinglet rag search library.sqlite "who pays the fee?" --rerank cross-encoder.gguf --top 3

      With --json: one object with hits, the best first; each has document, bytes (first, past the last), lines, heading, \
      score, text, and pages, row, pointer or element where the format has them.
      """)

  @OptionGroup var store: StoreArguments
  @OptionGroup var compute: ComputeArguments

  @Argument(help: "What is looked for.")
  var query: String

  @OptionGroup var search: SearchArguments

  @Option(help: ArgumentHelp("Order the best hits anew with this cross-encoder.", valueName: "model"))
  var rerank: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Report: Encodable {
    let query: String
    let mode: String
    let hits: [HitReport]
  }

  private func reranker() async throws -> Reranker? {
    guard let rerank else { return nil }
    let bar = ProgressBar("Loading")
    defer { bar.finish() }
    return .crossEncoder(try await EmbeddingModel.load(rerank, compute: compute.options, progress: { bar.update($0) }))
  }

  func run() async throws {
    let base = try await store.open(compute: compute.options)
    var options = try search.options()
    let wanted = options.top
    let reranker = try await reranker()
    if reranker != nil { options.top = max(wanted, 30) }
    var hits = try await base.search(query, options: options)
    if let reranker {
      let bar = ProgressBar("Reranking")
      defer { bar.finish() }
      hits = Array(try await base.rerank(hits, for: query, by: reranker) { bar.update($0) }.prefix(wanted))
    }
    if json {
      return try printJSON(Report(query: query, mode: options.mode.rawValue, hits: hits.map { HitReport($0) }))
    }
    if hits.isEmpty { return standardError("Nothing was found.\n") }
    for (index, hit) in hits.enumerated() {
      try standardOutput("\(index + 1). \(hit.place)\n")
      if !hit.chunk.heading.isEmpty { try standardOutput("   \(hit.chunk.heading.joined(separator: " › "))\n") }
      try standardOutput("   score \(decimal(Double(hit.score), 3)): \(hit.explanation)\n")
      let text = hit.chunk.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      try standardOutput("   \(text.count > 300 ? text.prefix(300) + "…" : text[...])\n\n")
    }
  }
}
