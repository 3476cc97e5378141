import KingletDocuments

/// How chunks are found.
public enum SearchMode: String, Sendable, Codable, CaseIterable {
  /// Both, by how far each score stands out, and what the best hits are like; measured best, and the default.
  case blend
  /// Reciprocal rank fusion of both (Cormack et al. 2009), k = 60.
  case hybrid
  /// By the meaning: the cosine of the vectors.
  case dense
  /// By the words: BM25 (Robertson and Zaragoza 2009).
  case keyword
}

/// How to search.
public struct SearchOptions: Sendable, Equatable {
  /// The most hits.
  public var top: Int
  public var mode: SearchMode
  public var filter: SearchFilter
  /// How much hits are to differ from each other, from 0 (not at all) to 1: maximal marginal relevance (Carbonell and
  /// Goldstein 1998).
  public var diversity: Float
  /// Hits below this cosine with the query are left out.
  public var threshold: Float?

  public init(
    top: Int = 10, mode: SearchMode = .blend, filter: SearchFilter = .init(), diversity: Float = 0,
    threshold: Float? = nil
  ) {
    self.top = top
    self.mode = mode
    self.filter = filter
    self.diversity = diversity
    self.threshold = threshold
  }
}

/// A chunk that was found, and why.
public struct SearchHit: Sendable, Equatable {
  public let document: StoredDocument
  public let chunk: StoredChunk
  /// What hits are ordered by; comparable for one query and mode only.
  public var score: Float
  /// The cosine of the chunk and the query, where the mode looks at vectors.
  public var cosine: Float?
  /// BM25, where the mode looks at words and the chunk has some of them.
  public var bm25: Float?
  /// The rank, from 1, by each.
  public var denseRank: Int?
  public var keywordRank: Int?
  /// Of a reranker, if one was asked.
  public var rerankScore: Float?
  /// The words of the query that the chunk has.
  public var matchedWords: [String]

  /// In words, why it was found.
  public var explanation: String {
    var parts: [String] = []
    if let denseRank, let cosine {
      parts.append("number \(denseRank) by meaning (cosine \(thousandths(cosine)))")
    }
    if let keywordRank {
      parts.append("number \(keywordRank) by words (\(matchedWords.prefix(6).joined(separator: ", ")))")
    }
    if let rerankScore { parts.append("reranked (\(thousandths(rerankScore)))") }
    return parts.joined(separator: "; ")
  }
}

/// A number with three decimals, for people.
func thousandths(_ number: Float) -> Double { (Double(number) * 1000).rounded() / 1000 }
