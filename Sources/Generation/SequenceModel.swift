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
}
