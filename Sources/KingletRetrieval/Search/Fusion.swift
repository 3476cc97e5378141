/// One ranking from several.
enum Fusion {
  /// What stands for `k` in reciprocal rank fusion; the value of the paper.
  private static let rankConstant: Float = 60
  /// The weight of words and of likeness to the first hits beside that of meaning, in standard deviations. Measured on
  /// Cranfield and the FAQ set of the reference data: see the article on chunk size and mode.
  static let keywordWeight: Float = 0.3
  static let feedbackWeight: Float = 0.2
  /// Hits whose mean is looked for once more: pseudo relevance feedback (Rocchio 1971).
  static let feedbackCount = 2

  /// Reciprocal rank fusion; in a tie the chunk that came into the store earlier.
  static func reciprocalRanks(_ runs: [[ScoredChunk]]) -> [ScoredChunk] {
    var scores: [Int64: Float] = [:]
    for run in runs {
      for (rank, hit) in run.enumerated() { scores[hit.id, default: 0] += 1 / (rankConstant + Float(rank + 1)) }
    }
    return sorted(scores)
  }

  /// Highest first; in a tie the earlier chunk.
  static func sorted(_ scores: [Int64: Float]) -> [ScoredChunk] {
    scores.map { ScoredChunk(id: $0.key, score: $0.value) }
      .sorted { $0.score > $1.score || $0.score == $1.score && $0.id < $1.id }
  }
}
