import KingletErrors
import KingletTransformer

/// What the engine asks of a model: to run tokens over a cache. `Decoder` is the one that counts; tests bring their own.
protocol SequenceModel: Sendable {
  associatedtype Cache: SequenceCache

  var vocabularySize: Int { get }

  func makeCache(capacity: Int) throws(KingletError) -> Cache

  /// Runs `tokens` after what the cache holds. Throws `.cancelled` when `isCancelled` says so, the cache as it was.
  func forward(_ tokens: ArraySlice<Int32>, cache: Cache, isCancelled: () -> Bool) throws(KingletError)

  /// The same; `logits` receives the row of the last token, `[vocabularySize]`.
  func forward(
    _ tokens: ArraySlice<Int32>, cache: Cache, logits: inout [Float], isCancelled: () -> Bool
  ) throws(KingletError)

  /// The same, without a row of logits: returns the token with the largest, the lowest in a tie.
  func mostLikelyToken(
    after tokens: ArraySlice<Int32>, cache: Cache, isCancelled: () -> Bool
  ) throws(KingletError) -> Int32
}

/// What a step leaves for the choice of the next token: a row of logits, or only which is largest.
struct StepOutput {
  /// `[vocabularySize]`; not written while `wantsOnlyLargest`.
  var logits: [Float] = []
  var largest: Int32 = 0
  var wantsOnlyLargest = false

  mutating func take<Model: SequenceModel>(
    _ tokens: ArraySlice<Int32>, from model: Model, cache: Model.Cache, isCancelled: () -> Bool
  ) throws(KingletError) {
    if wantsOnlyLargest {
      largest = try model.mostLikelyToken(after: tokens, cache: cache, isCancelled: isCancelled)
    } else {
      try model.forward(tokens, cache: cache, logits: &logits, isCancelled: isCancelled)
    }
  }
}

/// What a model remembers of one sequence.
protocol SequenceCache: AnyObject {
  /// Forgets what lies from `count` on; returns the position from which the sequence can really be resumed.
  func truncate(to count: Int) -> Int
}

extension KVCache: SequenceCache {}

/// A decoder with the kind of cache its sequences are to have.
struct DecoderModel: SequenceModel {
  let decoder: Decoder
  let cacheType: KVType

  var vocabularySize: Int { decoder.vocabularySize }

  func makeCache(capacity: Int) throws(KingletError) -> KVCache {
    try decoder.makeCache(capacity: capacity, type: cacheType)
  }

  func forward(_ tokens: ArraySlice<Int32>, cache: KVCache, isCancelled: () -> Bool) throws(KingletError) {
    try decoder.forward(tokens, cache: cache, isCancelled: isCancelled)
  }

  func forward(
    _ tokens: ArraySlice<Int32>, cache: KVCache, logits: inout [Float], isCancelled: () -> Bool
  ) throws(KingletError) {
    try decoder.forward(tokens, cache: cache, logits: &logits, isCancelled: isCancelled)
  }

  func mostLikelyToken(
    after tokens: ArraySlice<Int32>, cache: KVCache, isCancelled: () -> Bool
  ) throws(KingletError) -> Int32 {
    try decoder.mostLikelyToken(after: tokens, cache: cache, isCancelled: isCancelled)
  }
}
