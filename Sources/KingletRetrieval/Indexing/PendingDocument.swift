import Kinglet
import KingletDocuments

/// A document that has been read and cut, and waits for the vectors of its chunks.
struct PendingDocument {
  var path: String
  var content: LoadedDocument
  var hash: [UInt8]
  var state: FileState
  var source: Int64?
  var isNew: Bool
  var draft: SummaryDraft?
  var summary: String?
  var chunks: [PendingChunk]

  /// Whether all vectors are there.
  var isComplete: Bool { chunks.allSatisfy { $0.vector != nil } }
}

/// A chunk, or the summary of its document.
struct PendingChunk {
  var kind: ChunkKind
  var chunk: Chunk
  var hash: [UInt8]
  var vector: [Float]?
  var isTruncated = false

  func finished(_ vector: [Float]) -> NewChunk {
    NewChunk(chunk, kind: kind, hash: hash, vector: vector, isTruncated: isTruncated)
  }
}
