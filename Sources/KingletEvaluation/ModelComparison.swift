import Kinglet
import KingletTransformer

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How far a model, such as a quantised one, departs from the one it was made from, on a text.
///
/// Chunks and scored positions are those of `Perplexity`.
public struct ModelComparison: Sendable, Equatable, Codable {
  /// Of the first model, the reference, and of the second.
  public let referencePerplexity: Double
  public let perplexity: Double
  /// The mean Kullback-Leibler divergence of the second model's next-token distributions from the first's, in nats a token.
  public let meanDivergence: Double
  /// Of the mean: its standard deviation.
  public let divergenceError: Double
  public let largestDivergence: Double
  /// The share of positions at which both find the same token most probable.
  public let topAgreement: Double
  public let context: Int
  public let chunks: Int
  public let scoredTokens: Int
}

extension ModelComparison {
  /// - Parameters:
  ///   - tokens: the text, without a beginning of sequence.
  ///   - progress: told the comparison so far and the number of chunks in all, after each chunk.
  /// - Throws: `.invalidArgument` for models with different vocabularies or a text shorter than one chunk.
  public static func measure(
    _ reference: Decoder, _ other: Decoder, tokens: [Int32], context: Int = 512, beginningOfSequence: Int32? = nil,
    cacheType: KVType = .f32, isCancelled: () -> Bool = { false },
    progress: (ModelComparison, Int) -> Void = { _, _ in }
  ) throws(KingletError) -> ModelComparison {
    guard reference.vocabularySize == other.vocabularySize else {
      throw KingletError(
        .invalidArgument,
        "vocabularies of \(reference.vocabularySize) and \(other.vocabularySize) tokens cannot be compared")
    }
    guard context >= 4 else { throw KingletError(.invalidArgument, "chunks of \(context) tokens are too short") }
    let chunkCount = tokens.count / context
    guard chunkCount > 0 else {
      throw KingletError(
        .invalidArgument, "the text has \(tokens.count) tokens, fewer than one chunk of \(context)",
        remedy: "Choose a longer text or a smaller --context.")
    }
    var sums = Sums(context: context)
    for chunk in 0..<chunkCount {
      var ids = Array(tokens[chunk * context..<(chunk + 1) * context])
      if let beginningOfSequence { ids[0] = beginningOfSequence }
      try compare(reference, other, ids, cacheType, isCancelled, into: &sums)
      sums.chunks += 1
      progress(sums.result, chunkCount)
    }
    return sums.result
  }

  /// Compares the predictions of `ids[first + 1]…`, a few positions at a time: the logits of a whole chunk could take
  /// hundreds of megabytes.
  private static func compare(
    _ reference: Decoder, _ other: Decoder, _ ids: [Int32], _ cacheType: KVType, _ isCancelled: () -> Bool,
    into sums: inout Sums
  ) throws(KingletError) {
    let caches = (
      try reference.makeCache(capacity: ids.count, type: cacheType),
      try other.makeCache(capacity: ids.count, type: cacheType)
    )
    let first = ids.count / 2
    try reference.forward(ids[..<first], cache: caches.0, isCancelled: isCancelled)
    try other.forward(ids[..<first], cache: caches.1, isCancelled: isCancelled)
    var rows: [[Float]] = []
    for begin in stride(from: first, to: ids.count - 1, by: 32) {
      let positions = begin..<min(begin + 32, ids.count - 1)
      rows.removeAll(keepingCapacity: true)
      try reference.forward(ids[positions], cache: caches.0, isCancelled: isCancelled) {
        (_, row) throws(KingletError) in rows.append(copy row)
      }
      try other.forward(ids[positions], cache: caches.1, isCancelled: isCancelled) {
        (index, row) throws(KingletError) in
        sums.add(rows[index], row, next: Int(ids[begin + index + 1]))
      }
    }
  }

  private struct Sums {
    let context: Int
    var chunks = 0
    private var losses = (0.0, 0.0)
    private var divergence = 0.0
    private var squaredDivergence = 0.0
    private var largest = 0.0
    private var agreements = 0
    private var count = 0

    init(context: Int) { self.context = context }

    mutating func add(_ reference: borrowing [Float], _ other: borrowing [Float], next: Int) {
      let normalizers = (logSumOfExponentials(reference), logSumOfExponentials(other))
      var divergence = 0.0
      var best = (0, 0)
      for token in reference.indices {
        let logProbability = Double(reference[token]) - normalizers.0
        divergence += exp(logProbability) * (logProbability - (Double(other[token]) - normalizers.1))
        if reference[token] > reference[best.0] { best.0 = token }
        if other[token] > other[best.1] { best.1 = token }
      }
      losses.0 += normalizers.0 - Double(reference[next])
      losses.1 += normalizers.1 - Double(other[next])
      self.divergence += divergence
      squaredDivergence += divergence * divergence
      largest = max(largest, divergence)
      agreements += best.0 == best.1 ? 1 : 0
      count += 1
    }

    var result: ModelComparison {
      let n = Double(count)
      let mean = divergence / n
      let variance = max(0, squaredDivergence / n - mean * mean)
      return ModelComparison(
        referencePerplexity: exp(losses.0 / n), perplexity: exp(losses.1 / n), meanDivergence: mean,
        divergenceError: count > 1 ? (variance / (n - 1)).squareRoot() : 0, largestDivergence: largest,
        topAgreement: Double(agreements) / n, context: context, chunks: chunks, scoredTokens: count)
    }
  }
}
