import ArgumentParser
import Kinglet
import KingletRetrieval

extension SearchMode: ExpressibleByArgument {}

/// Which store, and the embedding model that goes with it.
struct StoreArguments: ParsableArguments {
  @Argument(help: "The store: an SQLite file.")
  var store: String

  @Option(help: "The embedding model: a path or a name from `kinglet models` (default: the store's, or minilm).")
  var embedder: String?

  /// The embedding model of a store that does not say another.
  static let defaultEmbedder = "minilm"

  /// Opens the store with its model; a progress bar shows if loading takes long.
  func open(
    create: Bool = false, options: KnowledgeBase.Options = .init(), compute: ComputeOptions
  ) async throws -> KnowledgeBase {
    // Before the model is loaded, which takes longer.
    let settings = try KnowledgeBase.settings(of: store)
    if settings == nil, !create {
      // Says what is wrong with the path.
      _ = try SQLiteStore(path: store, create: false)
    }
    let name = embedder ?? settings?.modelName ?? Self.defaultEmbedder
    let bar = ProgressBar("Loading")
    defer { bar.finish() }
    let model = try await EmbeddingModel.load(name, compute: compute, progress: { bar.update($0) })
    var options = options
    options.modelName = name
    return try await KnowledgeBase.open(store, embedder: model, options: options, create: create)
  }
}

/// How to search.
struct SearchArguments: ParsableArguments {
  @Option(name: [.customShort("k"), .long], parsing: .unconditional, help: "The most hits.")
  var top = 10

  @Option(help: "blend (words and meaning; measured best), hybrid (rank fusion), dense or keyword.")
  var mode: SearchMode = .blend

  @Option(
    help: ArgumentHelp(
      "Only what fits, such as path=docs/*.md, format=pdf, heading~install, year>=2020; may be given several times.",
      valueName: "condition"))
  var filter: [String] = []

  @Option(parsing: .unconditional, help: "How much hits are to differ from each other, from 0 to 1.")
  var diversity: Float = 0

  @Option(parsing: .unconditional, help: "Leave out hits whose cosine with the query is below this.")
  var threshold: Float?

  @Flag(help: "Find summaries of documents, too.")
  var summaries = false

  func options() throws -> SearchOptions {
    SearchOptions(
      top: top, mode: mode,
      filter: SearchFilter(
        try filter.map { (text) throws(KingletError) in try SearchFilter.Condition(parsing: text) },
        includesSummaries: summaries), diversity: diversity, threshold: threshold)
  }

  func validate() throws {
    if top < 1 { throw ValidationError("--top must be 1 or more") }
    if !(0...1).contains(diversity) { throw ValidationError("--diversity must be in 0 to 1") }
  }
}

/// What is printed of a hit.
struct HitReport: Encodable {
  struct Scores: Encodable {
    let cosine: Float?
    let bm25: Float?
    let denseRank: Int?
    let keywordRank: Int?
    let rerank: Float?
  }

  let document: String
  let kind: String
  /// First and past the last.
  let bytes: [Int]
  let lines: [Int]
  let pages: [Int]?
  let row: Int?
  let pointer: String?
  let element: String?
  let id: String?
  let heading: [String]
  let title: String?
  /// Whether bytes and lines hold in the file itself, or in the text that was read from it.
  let matchesFile: Bool
  let score: Float
  let scores: Scores
  let why: String
  let text: String

  init(_ hit: SearchHit) {
    let chunk = hit.chunk
    document = hit.document.path
    kind = chunk.kind == .content ? "content" : "summary"
    bytes = [chunk.range.lowerBound, chunk.range.upperBound]
    lines = [chunk.lines.lowerBound, chunk.lines.upperBound]
    pages = chunk.pages.map { [$0.lowerBound, $0.upperBound] }
    row = chunk.place.row
    pointer = chunk.place.pointer
    element = chunk.place.element
    id = chunk.place.identifier
    heading = chunk.heading
    title = hit.document.title
    matchesFile = hit.document.matchesFile
    score = hit.score
    scores = Scores(
      cosine: hit.cosine, bm25: hit.bm25, denseRank: hit.denseRank, keywordRank: hit.keywordRank,
      rerank: hit.rerankScore)
    why = hit.explanation
    text = chunk.text
  }
}

extension SearchHit {
  /// Where it stands: `notes.md:12-19`, `report.pdf page 3`, `table.csv row 7`.
  var place: String {
    let path = document.path
    if let pages = chunk.pages {
      return path + (pages.count > 1 ? " pages \(pages.lowerBound)-\(pages.upperBound)" : " page \(pages.lowerBound)")
    }
    if let pointer = chunk.place.pointer { return "\(path)#\(pointer)" }
    if let row = chunk.place.row { return "\(path) row \(row)" }
    if let element = chunk.place.element { return "\(path) \(element)" }
    return chunk.kind == .summary ? "\(path) (summary)" : "\(path):\(chunk.lines.lowerBound)-\(chunk.lines.upperBound)"
  }
}
