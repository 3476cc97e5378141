import ArgumentParser
import Kinglet
import KingletRetrieval

struct RagStatus: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show what a store holds.",
    discussion: """
      Examples:
        kinglet rag status library.sqlite
        kinglet rag status library.sqlite --documents --check
      """)

  @Argument(help: "The store: an SQLite file.")
  var store: String

  @Flag(help: "List the documents.")
  var documents = false

  @Flag(help: "Check that the file is sound.")
  var check = false

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Report: Encodable {
    struct Document: Encodable {
      let path: String
      let format: String
      let encoding: String
      let title: String?
      let chunks: Int
      let notes: [String]
    }

    let store: String
    let settings: StoreSettings?
    let statistics: StoreStatistics
    let sources: [String]
    let documents: [Document]?
    let problems: [String]?
  }

  func run() throws {
    let store = try SQLiteStore(path: store, create: false)
    let list = documents ? try store.documents() : nil
    let problems = check ? try store.integrityProblems() : nil
    let report = Report(
      store: store.location, settings: try store.settings(), statistics: try store.statistics(),
      sources: try store.sources().map(\.path),
      documents: list?.map {
        .init(
          path: $0.path, format: $0.format.rawValue, encoding: $0.encoding, title: $0.title, chunks: $0.chunkCount,
          notes: $0.notes)
      }, problems: problems)
    if json { try printJSON(report) } else { try standardOutput(text(report)) }
    if let problems, !problems.isEmpty { throw ExitCode.failure }
  }

  private func text(_ report: Report) -> String {
    let figures = report.statistics
    let formats = figures.documentsByFormat.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    var rows = [
      ["store", "\(report.store), \(byteCount(figures.fileBytes))"],
      ["documents", "\(figures.documents)" + (formats.isEmpty ? "" : " (\(formats.joined(separator: ", ")))")],
      ["chunks", "\(figures.chunks), \(figures.tokens) tokens, \(byteCount(figures.textBytes)) of text"],
      ["summaries", "\(figures.summaries)"],
    ]
    if figures.truncatedChunks > 0 {
      rows.append(["truncated", "\(figures.truncatedChunks) chunks beyond the window"])
    }
    if let settings = report.settings {
      rows.append(["model", "\(settings.modelName), \(settings.dimensions) dimensions"])
      rows.append(["chunk size", "\(settings.chunkSize) tokens, overlap \(settings.overlap)"])
    }
    rows += report.sources.map { ["source", $0] }
    rows += (report.documents ?? []).map { ["document", "\($0.path) (\($0.format), \($0.chunks) chunks)"] }
    if let problems = report.problems {
      rows += problems.isEmpty ? [["check", "sound"]] : problems.map { ["problem", $0] }
    }
    return table(rows)
  }
}

struct RagRemove: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Remove files or folders from a store.",
    discussion: """
      Examples:
        kinglet rag remove library.sqlite docs/old.md
        kinglet rag remove library.sqlite drafts/

      The files themselves stay. `refresh` does not bring them back; `add` does.
      """)

  @OptionGroup var store: StoreArguments
  @OptionGroup var compute: ComputeArguments

  @Argument(help: "Files and folders.")
  var paths: [String]

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Report: Encodable {
    let removed: [String]
  }

  func run() async throws {
    let base = try await store.open(compute: compute.options)
    var removed: [String] = []
    for path in paths { removed += try await base.remove(path) }
    if json { return try printJSON(Report(removed: removed)) }
    try standardOutput(removed.map { "removed \($0)\n" }.joined())
  }
}

struct RagExport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Print all chunks of a store as JSONL.",
    discussion: """
      Examples:
        kinglet rag export library.sqlite > chunks.jsonl
        kinglet rag export library.sqlite --vectors > chunks.jsonl
      """)

  @Argument(help: "The store: an SQLite file.")
  var store: String

  @Flag(help: "Also the vectors.")
  var vectors = false

  private struct Line: Encodable {
    let document: String
    let kind: String
    let bytes: [Int]
    let lines: [Int]
    let pages: [Int]?
    let heading: [String]
    let place: Place
    let text: String
    let vector: [Float]?
  }

  func run() throws {
    let store = try SQLiteStore(path: store, create: false)
    for document in try store.documents() {
      let chunks = try store.chunks(of: document.id)
      let values = vectors ? try store.vectors(chunks.map(\.id)) : [:]
      for chunk in chunks {
        try printJSON(
          Line(
            document: document.path, kind: chunk.kind == .content ? "content" : "summary",
            bytes: [chunk.range.lowerBound, chunk.range.upperBound],
            lines: [chunk.lines.lowerBound, chunk.lines.upperBound],
            pages: chunk.pages.map { [$0.lowerBound, $0.upperBound] }, heading: chunk.heading, place: chunk.place,
            text: chunk.text, vector: values[chunk.id]), pretty: false)
      }
    }
  }
}
