import ArgumentParser
import Kinglet
import KingletRetrieval

struct RagAdd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Add files or folders to a store, which is made if it is new.",
    discussion: """
      Examples:
        kinglet rag add library.sqlite docs/ report.pdf
        kinglet rag add library.sqlite src/ --include "*.md" --exclude "drafts/"
        kinglet rag add faq.sqlite faq.jsonl --template "{question}\\n{answer}"
        kinglet rag add shop.sqlite shop.db --query "SELECT id, name, description FROM product"

      Reads text, Markdown, HTML, PDF (with pdftotext), CSV and TSV, JSON and JSONL, and SQLite by a query. Of tables \
      each record is a chunk. What hardly anyone means is left out: hidden files, version control, builds, and what \
      .gitignore and .kingletignore name. Binary files are skipped and named.

      What is in the store and unchanged is not read again. Ctrl-C stops the work; the same command goes on from there.
      """)

  @OptionGroup var store: StoreArguments
  @OptionGroup var compute: ComputeArguments

  @Argument(help: "Files and folders.")
  var paths: [String]

  @Option(help: ArgumentHelp("Only files like this; may be given several times.", valueName: "glob"))
  var include: [String] = []

  @Option(help: ArgumentHelp("No files or folders like this; may be given several times.", valueName: "glob"))
  var exclude: [String] = []

  @Flag(help: "Also hidden files, and what .gitignore names.")
  var all = false

  @Option(help: "How a record reads, such as \"{name}: {text}\".")
  var template: String?

  @Option(help: ArgumentHelp("The field with which records name themselves.", valueName: "field"))
  var id: String?

  @Option(help: ArgumentHelp("Where the records are in a JSON file.", valueName: "pointer"))
  var records: String?

  @Option(help: ArgumentHelp("The rows of an SQLite file.", valueName: "sql"))
  var query: String?

  @Option(parsing: .unconditional, help: "The most tokens of a chunk (default: 200; only for a new store).")
  var chunkSize: Int?

  @Option(parsing: .unconditional, help: "The most tokens that a chunk repeats of the one before (default: 32).")
  var overlap: Int?

  @Option(help: "The words that the model wants before queries: the name of a task as in `kinglet embed`.")
  var queryTask: String?

  @Option(help: "The words that the model wants before passages.")
  var passageTask: String?

  @Flag(inversion: .prefixedNo, help: "Embed chunks with title, headings and summary before them.")
  var context: Bool?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if paths.isEmpty { throw ValidationError("Name a file or a folder.") }
    for task in [queryTask, passageTask].compactMap({ $0 }) where EmbeddingTask.named[task] == nil {
      throw ValidationError("There is no task `\(task)`.")
    }
  }

  func run() async throws {
    let base = try await store.open(
      create: true,
      options: .init(
        chunkSize: chunkSize, overlap: overlap, queryTask: queryTask.flatMap { EmbeddingTask.named[$0] },
        passageTask: passageTask.flatMap { EmbeddingTask.named[$0] }, hasContext: context), compute: compute.options)
    let walk = FolderWalk(include: include, exclude: exclude, honoursIgnoreFiles: !all)
    let loading = LoadingOptions(template: template, identifier: id, records: records, query: query)
    var total = IndexReport()
    for path in paths {
      let report = try await indexing { progress throws(KingletError) in
        try await base.add(contentsOf: path, walk: walk, loading: loading, progress: progress)
      }
      total.merge(report)
      if report.isInterrupted { break }
    }
    try total.finish(json: json)
  }
}

struct RagRefresh: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "refresh",
    abstract: "Follow what has changed in the files of a store.",
    discussion: """
      Examples:
        kinglet rag refresh library.sqlite
        kinglet rag refresh library.sqlite --verify --json

      New, edited, moved and deleted files are followed; chunks that have not changed are not embedded again.
      """)

  @OptionGroup var store: StoreArguments
  @OptionGroup var compute: ComputeArguments

  @Flag(help: "Compare contents also where size and time of modification are the same.")
  var verify = false

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() async throws {
    let base = try await store.open(compute: compute.options)
    let report = try await indexing { progress throws(KingletError) in
      try await base.refresh(readsAll: verify, progress: progress)
    }
    try report.finish(json: json)
  }
}

/// Runs work with a progress bar; Ctrl-C stops it in good order.
private func indexing(
  _ work: @escaping @Sendable (@escaping @Sendable (IndexProgress) -> Void) async throws(KingletError) -> IndexReport
) async throws -> IndexReport {
  let bar = ProgressBar("Indexing")
  defer { bar.finish() }
  let task = Task {
    try await work { progress in
      let rate = progress.seconds > 0 ? Double(progress.chunks) / progress.seconds : 0
      var note = "\(progress.files) of \(progress.totalFiles) files, \(decimal(rate, 0)) chunks/s"
      if progress.fraction > 0.02 {
        note += ", \(duration(progress.seconds * (1 - progress.fraction) / progress.fraction)) left"
      }
      bar.update(progress.fraction, note: note)
    }
  }
  Interrupts.shared.handle { task.cancel() }
  defer { Interrupts.shared.handle(nil) }
  return try await task.value
}

private func duration(_ seconds: Double) -> String {
  let whole = Int(min(max(seconds, 0), 1e6).rounded())
  return whole < 90 ? "\(whole) s" : whole < 5400 ? "\((whole + 30) / 60) min" : "\(decimal(seconds / 3600, 1)) h"
}

extension IndexReport {
  fileprivate mutating func merge(_ other: IndexReport) {
    added += other.added
    changed += other.changed
    moved += other.moved
    removed += other.removed
    unchanged += other.unchanged
    skipped += other.skipped
    failed += other.failed
    notes += other.notes
    chunks += other.chunks
    embedded += other.embedded
    reused += other.reused
    truncated += other.truncated
    seconds += other.seconds
    embeddingSeconds += other.embeddingSeconds
    isInterrupted = isInterrupted || other.isInterrupted
  }

  /// Prints the report; fails where a file has failed, and as Ctrl-C does where the work was stopped.
  fileprivate func finish(json: Bool) throws {
    if json { try printJSON(self) } else { try standardOutput(lines) }
    if isInterrupted {
      if !json { standardError("Stopped. The same command goes on from here.\n") }
      Interrupts.exit()
    }
    if !failed.isEmpty { throw ExitCode.failure }
  }

  private var lines: String {
    var text = ""
    func list(_ head: String, _ items: [String]) {
      for item in items.prefix(20) { text += "\(head) \(item)\n" }
      if items.count > 20 { text += "\(head) … and \(items.count - 20) more\n" }
    }
    list("added  ", added)
    list("changed", changed)
    list("moved  ", moved.map { "\($0.path) -> \($0.note)" })
    list("removed", removed)
    list("skipped", skipped.map { "\($0.path): \($0.note)" })
    list("note   ", notes.map { "\($0.path): \($0.note)" })
    list("failed ", failed.map { $0.note.contains($0.path) ? $0.note : "\($0.path): \($0.note)" })
    text += "\(added.count) added, \(changed.count) changed, \(moved.count) moved, \(removed.count) removed, "
    text += "\(unchanged) unchanged; \(embedded) chunks embedded, \(reused) reused, in \(decimal(seconds, 1)) s\n"
    if truncated > 0 {
      text += "\(truncated) chunks are longer than the model's window: their ends are found by keywords only\n"
    }
    return text
  }
}
