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

  func run() async throws {
    let base = try await store.open(compute: compute.options)
    var options = try search.options()
    let wanted = options.top
    if rerank != nil { options.top = max(wanted, 30) }
    var hits = try await base.search(query, options: options)
    if let rerank {
      let model = try await EmbeddingModel.load(rerank, compute: compute.options)
      hits = Array(try await base.rerank(hits, for: query, by: .crossEncoder(model)).prefix(wanted))
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
