import KingletErrors

/// Reads files of all kinds.
public enum Loader {
  /// Counts up when loaders or chunker change so that texts or ranges differ: documents are then read again.
  public static let version = 1

  /// What became of a file.
  public enum Outcome: Sendable {
    case loaded(LoadedDocument)
    /// Not read, and why: it is no text, or needs an option that was not given.
    case skipped(String)
  }

  /// The format of a file by the end of its name; nil when only its contents can tell.
  public static func format(of path: String) -> DocumentFormat? {
    guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return nil }
    return formats[path[path.index(after: dot)...].lowercased()]
  }

  private static let formats: [String: DocumentFormat] = [
    "txt": .text, "text": .text, "log": .text, "rst": .text, "md": .markdown, "markdown": .markdown, "mdown": .markdown,
    "html": .html, "htm": .html, "xhtml": .html, "pdf": .pdf, "csv": .csv, "tsv": .tsv, "json": .json, "jsonl": .jsonl,
    "ndjson": .jsonl, "sqlite": .sqlite, "sqlite3": .sqlite, "db": .sqlite,
  ]

  /// Whether a file is plainly no document, by its first bytes: so that a film need not be read to be skipped.
  public static func looksBinary(_ path: String) -> Bool {
    if let format = format(of: path), format == .pdf || format == .sqlite { return false }
    guard let bytes = readBeginning(of: path, count: 4096), !bytes.starts(with: "%PDF-".utf8),
      !bytes.starts(with: "SQLite format 3".utf8)
    else { return false }
    return !bytes.isEmpty && DecodedText(bytes) == nil
  }

  /// Reads a file.
  ///
  /// - Parameter bytes: its contents, if the caller has them.
  /// - Throws: what is wrong with the file or the options, located.
  public static func load(
    _ path: String, bytes: [UInt8]? = nil, options: LoadingOptions = .init()
  ) throws(KingletError) -> Outcome {
    do throws(KingletError) {
      let file: [UInt8] = if let bytes { bytes } else { try readFile(path, limit: options.fileLimit) }
      return try load(path, file, options)
    } catch {
      if error.location?.hasPrefix(path) ?? false { throw error }
      throw error.located(in: path)
    }
  }

  private static func load(
    _ path: String, _ file: [UInt8], _ options: LoadingOptions
  ) throws(KingletError) -> Outcome {
    var format = format(of: path)
    if file.starts(with: "%PDF-".utf8) { format = .pdf }
    if file.starts(with: "SQLite format 3\u{0}".utf8) { format = .sqlite }
    switch format {
    case .pdf: return .loaded(try PDFText.load(path, options))
    case .sqlite:
      return options.query == nil
        ? .skipped("a database, which needs --query") : .loaded(try SQLiteTable.load(path, options))
    case .html:
      return .loaded(try HTMLText.load(file, DecodedText(file)))
    default: break
    }
    guard let decoded = DecodedText(file) else { return .skipped("a binary file") }
    switch format {
    case .markdown: return .loaded(Markdown.load(decoded))
    case .csv: return .loaded(try DelimitedText.load(decoded, .csv, options))
    case .tsv: return .loaded(try DelimitedText.load(decoded, .tsv, options))
    case .json: return .loaded(try JSONRecords.load(decoded, options))
    case .jsonl: return .loaded(try JSONRecords.loadLines(decoded, options))
    default: return .loaded(PlainText.load(decoded))
    }
  }
}
