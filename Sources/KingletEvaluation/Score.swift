// KingletEvaluation: measurements of a model. How well it predicts a text (score, perplexity) and how fast it runs.

import Kinglet
import KingletGeneration
import KingletTransformer

/// How probable a model finds each token of a sequence.
public struct Score: Sendable, Equatable, Codable {
  /// A token, the model's output for it and the natural logarithm of its probability.
  public struct Candidate: Sendable, Equatable, Codable {
    public let token: Int32
    public let logit: Float
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
          Candidates(best: top, of: copy row).items.map {
            Candidate(token: $0.id, logit: $0.logit, logProbability: Double($0.logit) - normalizer)
          })
      }
      try eachRow(row)
    }
    return Score(
      tokens: tokens, logProbabilities: logProbabilities,
      negativeLogLikelihood: -logProbabilities.reduce(0) { $0 + ($1 ?? 0) }, top: top > 0 ? candidates : nil)
  }
}
