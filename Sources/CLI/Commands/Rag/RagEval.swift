import ArgumentParser
import Kinglet
import KingletRetrieval

struct RagEval: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract: "Measure how well a store answers questions whose answers are known.",
    discussion: """
      Examples:
        kinglet rag eval library.sqlite --queries queries.jsonl --qrels qrels.tsv
        kinglet rag eval library.sqlite --queries queries.jsonl --qrels qrels.tsv --mode dense --json

      Queries are JSON lines with id and text; judgements are lines with query, document and relevance, separated by \
      tabs. A document is named by the id of its record, its path, or the name of its file. Without --mode, all modes \
      are measured.
      """)

  @OptionGroup var store: StoreArguments
  @OptionGroup var compute: ComputeArguments

  @Option(help: ArgumentHelp("JSON lines with id and text.", valueName: "file"))
  var queries: String

  @Option(help: ArgumentHelp("Lines with query, document and relevance.", valueName: "file"))
  var qrels: String

  @Option(help: "Only this mode.")
  var mode: SearchMode?

  @Flag(help: "Print one JSON object: the figures of the mode, and of all under modes.")
  var json = false

  private struct Report: Encodable {
    struct Figures: Encodable {
      enum CodingKeys: String, CodingKey {
        case mode, queries
        case recall1 = "recall@1"
        case recall5 = "recall@5"
        case recall10 = "recall@10"
        case mrr10 = "mrr@10"
        case ndcg10 = "ndcg@10"
        case hit1 = "hit@1"
        case medianMilliseconds = "median_ms"
        case percentile95Milliseconds = "p95_ms"
      }
      let mode: String
      let queries: Int
      let recall1, recall5, recall10, mrr10, ndcg10, hit1: Double
      let medianMilliseconds, percentile95Milliseconds: Double

      init(_ result: RetrievalEvaluation) {
        mode = result.mode.rawValue
        queries = result.queries
        (recall1, recall5, recall10) = (result.recallAt1, result.recallAt5, result.recallAt10)
        (mrr10, ndcg10, hit1) = (result.mrrAt10, result.ndcgAt10, result.hitAt1)
        medianMilliseconds = result.medianSeconds * 1000
        percentile95Milliseconds = result.percentile95Seconds * 1000
      }
    }
    let store: String
    let results: [Figures]
  }

  func run() async throws {
    let judgements = try RetrievalEvaluation.Judgements(queries: queries, qrels: qrels)
    let base = try await store.open(compute: compute.options)
    let modes = mode.map { [$0] } ?? SearchMode.allCases
    let bar = ProgressBar("Searching")
    defer { bar.finish() }
    var results: [RetrievalEvaluation] = []
    for (index, mode) in modes.enumerated() {
      results.append(
        try await base.evaluate(judgements, mode: mode) {
          bar.update((Double(index) + $0) / Double(modes.count))
        })
    }
    bar.finish()
    if json { return try printJSON(Report(store: base.store.location, results: results.map { .init($0) })) }
    let head = ["mode", "queries", "recall@1", "recall@5", "recall@10", "MRR@10", "nDCG@10", "median ms", "95 % ms"]
    let rows = results.map { result -> [String] in
      let quality = [result.recallAt1, result.recallAt5, result.recallAt10, result.mrrAt10, result.ndcgAt10]
      let times = [result.medianSeconds, result.percentile95Seconds]
      return [result.mode.rawValue, "\(result.queries)"] + quality.map { decimal($0, 4) }
        + times.map { decimal($0 * 1000, 1) }
    }
    try standardOutput(table([head] + rows, right: Set(1..<head.count)))
  }
}
