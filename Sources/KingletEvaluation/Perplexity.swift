import Kinglet
import KingletTransformer

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The perplexity of a model on a text: e to the mean loss of a token.
///
/// The protocol is that of llama.cpp's `llama-perplexity`: the text is cut into chunks of the context's length that do
/// not overlap, each runs alone, and the second half of each is scored. Where the vocabulary asks for a beginning of
/// sequence, it takes the place of the first token of every chunk.
public struct Perplexity: Sendable, Equatable, Codable {
  public let perplexity: Double
  /// Of the estimate: the standard deviation of the mean loss, times the perplexity.
  public let standardError: Double
  public let context: Int
  public let chunks: Int
  public let scoredTokens: Int
  /// The estimate after each chunk.
  public let running: [Double]
}

extension Perplexity {
  /// - Parameters:
  ///   - tokens: the text, without a beginning of sequence.
  ///   - progress: told the estimate so far and the number of chunks in all, after each chunk.
  /// - Throws: `.invalidArgument` for a text shorter than one chunk.
  public static func measure(
    _ decoder: Decoder, tokens: [Int32], context: Int = 512, beginningOfSequence: Int32? = nil,
    cacheType: KVType = .f16, isCancelled: () -> Bool = { false }, progress: (Perplexity, Int) -> Void = { _, _ in }
  ) throws(KingletError) -> Perplexity {
    guard context >= 4 else { throw KingletError(.invalidArgument, "chunks of \(context) tokens are too short") }
    let chunkCount = tokens.count / context
    guard chunkCount > 0 else {
      throw KingletError(
        .invalidArgument, "the text has \(tokens.count) tokens, fewer than one chunk of \(context)",
        remedy: "Choose a longer text or a smaller --context.")
    }
    var losses = Losses(context: context)
    for chunk in 0..<chunkCount {
      var ids = Array(tokens[chunk * context..<(chunk + 1) * context])
      if let beginningOfSequence { ids[0] = beginningOfSequence }
      let first = context / 2
      try decoder.score(ids, from: first, cacheType: cacheType, isCancelled: isCancelled) { losses.add($0) }
      losses.endChunk()
      progress(losses.result, chunkCount)
    }
    return losses.result
  }

  private struct Losses {
    let context: Int
    var sum = 0.0
    var sumOfSquares = 0.0
    var count = 0
    var running: [Double] = []

    init(context: Int) { self.context = context }

    mutating func add(_ loss: Double) {
      sum += loss
      sumOfSquares += loss * loss
      count += 1
    }

    mutating func endChunk() { running.append(exp(sum / Double(count))) }

    var result: Perplexity {
      let mean = sum / Double(count)
      let variance = max(0, sumOfSquares / Double(count) - mean * mean)
      return Perplexity(
        perplexity: exp(mean), standardError: count > 1 ? exp(mean) * (variance / Double(count - 1)).squareRoot() : 0,
        context: context, chunks: running.count, scoredTokens: count, running: running)
    }
  }
}

extension Decoder {
  /// The losses of `ids[first + 1]…`, each predicted from all before it. What comes earlier gets no logits.
  fileprivate func score(
    _ ids: [Int32], from first: Int, cacheType: KVType, isCancelled: () -> Bool, _ body: (Double) -> Void
  ) throws(KingletError) {
    let cache = try makeCache(capacity: ids.count, type: cacheType)
    try forward(ids[..<first], cache: cache, isCancelled: isCancelled)
    try forward(ids[first...], cache: cache, isCancelled: isCancelled) { (index, row) throws(KingletError) in
      guard first + index + 1 < ids.count else { return }
      body(logSumOfExponentials(row) - Double(row[Int(ids[first + index + 1])]))
    }
  }
}
