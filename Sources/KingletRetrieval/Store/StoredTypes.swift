import Kinglet
import KingletDocuments

/// A document as the store keeps it, without its text.
public struct StoredDocument: Sendable, Equatable {
  public let id: Int64
  /// The absolute path of the file.
  public let path: String
  public let format: DocumentFormat
  public let encoding: String
  public let title: String?
  /// SHA-256 of the file.
  public let hash: [UInt8]
  public let size: Int
  /// Nanoseconds since 1970.
  public let modified: Int
  /// Whether ranges of the text hold in the file.
  public let matchesFile: Bool
  public let notes: [String]
  public let source: Int64?
  public let chunkCount: Int
}

/// What a chunk is.
public enum ChunkKind: Int, Sendable, Codable {
  /// A passage of the document's text.
  case content = 0
  /// The summary of the document: sentences of it, put together, so that it has no range of its own.
  case summary = 1
}

/// A chunk as the store keeps it.
public struct StoredChunk: Sendable, Equatable {
  public let id: Int64
  public let document: Int64
  public let kind: ChunkKind
  /// From 0, in the order of the document.
  public let ordinal: Int
  /// Bytes of the document's text; for a summary, empty.
  public let range: Range<Int>
  public let lines: ClosedRange<Int>
  public let pages: ClosedRange<Int>?
  public let heading: [String]
  public let place: Place
  public let text: String
  public let tokenCount: Int
}

/// A chunk on its way into the store.
public struct NewChunk: Sendable {
  public var kind: ChunkKind
  public var chunk: Chunk
  /// What tells an unchanged chunk from a changed one: of its text and headings.
  public var hash: [UInt8]
  public var vector: [Float]
  /// Whether its end was beyond the model's window.
  public var isTruncated: Bool

  public init(
    _ chunk: Chunk, kind: ChunkKind = .content, hash: [UInt8], vector: [Float], isTruncated: Bool = false
  ) {
    self.kind = kind
    self.chunk = chunk
    self.hash = hash
    self.vector = vector
    self.isTruncated = isTruncated
  }
}

/// A document on its way into the store.
public struct NewDocument: Sendable {
  public var path: String
  public var content: LoadedDocument
  public var summary: String?
  /// SHA-256 of the file, and of how it was read.
  public var hash: [UInt8]
  public var size: Int
  /// Nanoseconds since 1970.
  public var modified: Int
  public var source: Int64?
  public var chunks: [NewChunk]

  public init(
    path: String, content: LoadedDocument, summary: String? = nil, hash: [UInt8], size: Int, modified: Int,
    source: Int64? = nil, chunks: [NewChunk]
  ) {
    self.path = path
    self.content = content
    self.summary = summary
    self.hash = hash
    self.size = size
    self.modified = modified
    self.source = source
    self.chunks = chunks
  }
}

/// What was added, so that `refresh` finds it again.
public struct StoredSource: Sendable, Equatable {
  public let id: Int64
  /// The absolute path of a file or folder.
  public let path: String
  public let walk: FolderWalk
  public let loading: LoadingOptions
}

/// The state of a store in figures.
public struct StoreStatistics: Sendable, Equatable, Codable {
  public var documents = 0
  public var chunks = 0
  public var summaries = 0
  public var tokens = 0
  /// Bytes of all texts.
  public var textBytes = 0
  /// Bytes of the file.
  public var fileBytes = 0
  public var documentsByFormat: [String: Int] = [:]
  /// Chunks longer than the model's window: their ends count for keywords only.
  public var truncatedChunks = 0
}
