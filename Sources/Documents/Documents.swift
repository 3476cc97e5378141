// Documents: from a file to passages of text that can be traced back to it. Loaders turn files of all kinds into one text
// and a list of blocks, each with its place; the chunker cuts the blocks into chunks that fit an embedding model. What
// becomes of chunks (vectors, stores, answers) it does not know.

@_exported import KingletErrors

/// A file as its loader has read it: a text, and what each part of it is.
public struct LoadedDocument: Sendable, Equatable {
  public var format: DocumentFormat
  /// Such as `utf-8`, `utf-16le` or `windows-1252`.
  public var encoding: String
  /// What the document calls itself, if it does.
  public var title: String?
  /// The text, in UTF-8. Every range of bytes that Kinglet speaks of is one in this text.
  public var text: String
  /// In ascending order, not overlapping; what lies between them (blank lines, front matter) is not searched.
  public var blocks: [Block]
  /// Whether the same ranges hold in the file itself: plain text and Markdown in UTF-8.
  public var matchesFile: Bool
  /// What a reader should know: repaired bytes, lines that were left out.
  public var notes: [String]

  public init(
    format: DocumentFormat, encoding: String = "utf-8", title: String? = nil, text: String, blocks: [Block] = [],
    matchesFile: Bool = false, notes: [String] = []
  ) {
    self.format = format
    self.encoding = encoding
    self.title = title
    self.text = text
    self.blocks = blocks
    self.matchesFile = matchesFile
    self.notes = notes
  }
}

/// The kinds of files that are read.
public enum DocumentFormat: String, Sendable, Codable, CaseIterable {
  case text, markdown, html, pdf, csv, tsv, json, jsonl, sqlite

  /// Whether each record of such a file is a chunk of its own.
  public var hasRecords: Bool {
    switch self {
    case .csv, .tsv, .json, .jsonl, .sqlite: true
    case .text, .markdown, .html, .pdf: false
    }
  }
}

/// A part of a document: a paragraph, a heading, a record.
public struct Block: Sendable, Equatable {
  public enum Kind: String, Sendable, Codable {
    case prose, heading, code, record
  }

  public var kind: Kind
  /// Bytes of the document's text.
  public var range: Range<Int>
  /// The headings above it, the outermost first; a heading's own text is the last of its path.
  public var heading: [String]
  public var place: Place

  public init(_ kind: Kind = .prose, _ range: Range<Int>, heading: [String] = [], place: Place = .init()) {
    self.kind = kind
    self.range = range
    self.heading = heading
    self.place = place
  }
}

/// Where something stands in its file, in the terms of the file's format.
public struct Place: Sendable, Equatable, Codable {
  /// Of a PDF, from 1.
  public var page: Int?
  /// The record of a table, from 1: the header of a CSV file does not count. Of a JSONL file the line.
  public var row: Int?
  /// The JSON pointer (RFC 6901) of a record.
  public var pointer: String?
  /// The XPath of an HTML element.
  public var element: String?
  /// What a record calls itself: its `id`.
  public var identifier: String?
  /// The short fields of a record, for filters.
  public var fields: [String: FieldValue]?

  public init(
    page: Int? = nil, row: Int? = nil, pointer: String? = nil, element: String? = nil, identifier: String? = nil,
    fields: [String: FieldValue]? = nil
  ) {
    self.page = page
    self.row = row
    self.pointer = pointer
    self.element = element
    self.identifier = identifier
    self.fields = fields
  }
}

/// A number or a text of a record.
public enum FieldValue: Sendable, Equatable, Codable {
  case number(Double)
  case text(String)

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else {
      self = .text(try container.decode(String.self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .number(let number): try container.encode(number)
    case .text(let text): try container.encode(text)
    }
  }
}
