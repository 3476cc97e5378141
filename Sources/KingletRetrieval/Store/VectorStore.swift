import Kinglet
import KingletErrors

/// Where documents, chunks and their vectors are kept, and what can be asked of it. `SQLiteStore` is the one on a single
/// machine.
///
/// A document is written as a whole or not at all. All functions may block; none is called on Swift's cooperative pool.
public protocol VectorStore: Sendable {
  /// What a person calls it: a path.
  var location: String { get }

  /// Nil while the store is new.
  func settings() throws(KingletError) -> StoreSettings?
  func setSettings(_ settings: StoreSettings) throws(KingletError)

  func sources() throws(KingletError) -> [StoredSource]
  /// Notes what was added; the same path again takes the place of what was noted before.
  func addSource(path: String, walk: FolderWalk, loading: LoadingOptions) throws(KingletError) -> StoredSource
  func removeSource(_ id: Int64) throws(KingletError)

  func documents() throws(KingletError) -> [StoredDocument]
  func documents(_ ids: [Int64]) throws(KingletError) -> [StoredDocument]
  /// The extracted text that all ranges are of.
  func text(of document: Int64) throws(KingletError) -> String?
  func summary(of document: Int64) throws(KingletError) -> String?
  /// Writes a document with its chunks in one transaction, in place of what was at its path. Chunks whose hash was there
  /// before keep their vectors.
  func replace(_ document: NewDocument) throws(KingletError)
  /// The same document at another place, or touched without a change.
  func moveDocument(_ id: Int64, path: String, size: Int, modified: Int, source: Int64?) throws(KingletError)
  func removeDocuments(_ ids: [Int64]) throws(KingletError)

  /// The vectors of chunks, by their hashes, that are known already: of other documents, or of work that was interrupted.
  func knownVectors(_ hashes: [[UInt8]]) throws(KingletError) -> [[UInt8]: [Float]]
  /// Keeps vectors of a document that is not complete yet.
  func keepVectors(_ vectors: [(hash: [UInt8], vector: [Float])]) throws(KingletError)
  /// Forgets vectors that were kept and not used.
  func dropKeptVectors() throws(KingletError)

  func chunks(_ ids: [Int64]) throws(KingletError) -> [StoredChunk]
  /// All chunks of a document, in order.
  func chunks(of document: Int64) throws(KingletError) -> [StoredChunk]
  func vectors(_ ids: [Int64]) throws(KingletError) -> [Int64: [Float]]

  /// The chunks nearest to a vector, the nearest first, with the product of both vectors.
  func nearest(_ vector: [Float], count: Int, where filter: SearchFilter) throws(KingletError) -> ScoredRun
  /// How the products of a vector with all chunks are distributed, by a sample of them.
  func spread(of vector: [Float]) throws(KingletError) -> (mean: Float, deviation: Float)
  /// The chunks that match the words of a text best (BM25), the best first; the score is higher for better ones. Chunks
  /// without a match have none.
  func matching(_ text: String, count: Int, where filter: SearchFilter) throws(KingletError) -> ScoredRun

  func statistics() throws(KingletError) -> StoreStatistics
  /// Whether the file is sound; what is wrong, otherwise.
  func integrityProblems() throws(KingletError) -> [String]
}

/// The best chunks by one kind of score, and how the scores of all chunks that have one are distributed, which tells what a
/// score is worth.
public struct ScoredRun: Sendable, Equatable {
  public var hits: [ScoredChunk]
  public var mean: Float
  public var deviation: Float
  /// The lowest score of all, where there are chunks without one.
  public var least: Float

  public init(hits: [ScoredChunk] = [], mean: Float = 0, deviation: Float = 0, least: Float = 0) {
    self.hits = hits
    self.mean = mean
    self.deviation = deviation
    self.least = least
  }

  /// A score in standard deviations above the mean. A chunk without one counts as the lowest; where all are the same, no
  /// score says anything.
  func standardized(_ score: Float?) -> Float {
    deviation > 0 ? ((score ?? least) - mean) / deviation : 0
  }

  func scores(of ids: Set<Int64>) -> [Int64: Float] {
    var scores: [Int64: Float] = [:]
    for hit in hits where ids.contains(hit.id) { scores[hit.id] = hit.score }
    return scores
  }

  /// Places in the order, from 1.
  func ranks(of ids: Set<Int64>) -> [Int64: Int] {
    var ranks: [Int64: Int] = [:]
    for (index, hit) in hits.enumerated() where ids.contains(hit.id) { ranks[hit.id] = index + 1 }
    return ranks
  }
}

public struct ScoredChunk: Sendable, Equatable {
  public var id: Int64
  public var score: Float

  public init(id: Int64, score: Float) {
    self.id = id
    self.score = score
  }
}
