// KingletEvaluation: measurements of a model. How well it predicts a text (score, perplexity) and how fast it runs.

import Kinglet
import KingletTransformer

/// How probable a model finds each token of a sequence.
public struct Score: Sendable, Equatable, Codable {
  /// A token and the natural logarithm of its probability.
  public struct Candidate: Sendable, Equatable, Codable {
    public let token: Int32
    public let logProbability: Double
  }

  public let tokens: [Int32]
  /// `ln p(tokens[t] | tokens[..<t])`; nil for the first token, which nothing precedes.
  public let logProbabilities: [Double?]
  /// Minus the sum of them.
  public let negativeLogLikelihood: Double
  /// For each position the most probable next tokens, best first, if any were asked for.
  public let top: [[Candidate]]?
}

extension Score {
  /// Runs a model over `tokens`, to which nothing is added.
  ///
  /// - Parameters:
  ///   - cacheType: F32 by default, so that the figures are the model's and not the cache's.
  ///   - top: how many candidates to report for each position.
  ///   - eachRow: is given the logits of every position, in order.
  /// - Throws: what `Decoder.forward` throws, or `eachRow`.
  public static func measure(
    _ decoder: Decoder, tokens: [Int32], cacheType: KVType = .f32, top: Int = 0,
    isCancelled: () -> Bool = { false }, eachRow: (borrowing [Float]) throws(KingletError) -> Void = { _ in }
  ) throws(KingletError) -> Score {
    let cache = try decoder.makeCache(capacity: max(1, tokens.count), type: cacheType)
    var logProbabilities: [Double?] = tokens.isEmpty ? [] : [nil]
    var candidates: [[Candidate]] = []
    try decoder.forward(tokens[...], cache: cache, isCancelled: isCancelled) { (index, row) throws(KingletError) in
      let normalizer = logSumOfExponentials(row)
      if index + 1 < tokens.count { logProbabilities.append(Double(row[Int(tokens[index + 1])]) - normalizer) }
      if top > 0 {
        candidates.append(
          largest(top, of: row).map { Candidate(token: $0, logProbability: Double(row[Int($0)]) - normalizer) })
      }
      try eachRow(row)
    }
    return Score(
      tokens: tokens, logProbabilities: logProbabilities,
      negativeLogLikelihood: -logProbabilities.reduce(0) { $0 + ($1 ?? 0) }, top: top > 0 ? candidates : nil)
  }

  /// Indices of the `count` largest logits, best first, the lower index first in a tie: one pass over the row, with the
  /// few best so far in order.
  static func largest(_ count: Int, of row: borrowing [Float]) -> [Int32] {
    var best: [Int32] = []
    for index in 0..<row.count {
      let value = row[index]
      if best.count == count, let last = best.last, !(value > row[Int(last)]) { continue }
      var place = best.count
      while place > 0, value > row[Int(best[place - 1])] { place -= 1 }
      best.insert(Int32(index), at: place)
      if best.count > count { best.removeLast() }
    }
    return best
  }
}
