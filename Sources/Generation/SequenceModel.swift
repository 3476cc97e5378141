import KingletErrors
import KingletTransformer

/// What the engine asks of a model: to run the tokens of some sequences over their caches. `Decoder` is the one that
/// counts; tests bring their own.
protocol SequenceModel: Sendable {
  associatedtype Cache: SequenceCache

  var vocabularySize: Int { get }

  func makeCache(capacity: Int) throws(KingletError) -> Cache

  /// Bytes of keys and values that a sequence of so many positions takes.
  func cacheByteCount(positions: Int) -> Int

  /// Runs the tokens of each span after what its cache holds, and gives what the spans want to `body`, with their indices.
  /// Throws `.cancelled` when `isCancelled` says so; after any error the caches are as they were.
  func forward(
    _ spans: [SequenceSpan<Cache>], isCancelled: () -> Bool, each body: (Int, SpanOutput) -> Void
  ) throws(KingletError)
}

/// What a model remembers of one sequence.
protocol SequenceCache: AnyObject {
  /// Forgets what lies from `count` on; returns the position from which the sequence can really be resumed.
  func truncate(to count: Int) -> Int

  /// Makes room for so many positions more.
  func reserve(_ positions: Int) throws(KingletError)
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

  func cacheByteCount(positions: Int) -> Int { decoder.cacheByteCount(capacity: positions, type: cacheType) }

  func forward(
    _ spans: [SequenceSpan<KVCache>], isCancelled: () -> Bool, each body: (Int, SpanOutput) -> Void
  ) throws(KingletError) {
    try decoder.forward(spans, isCancelled: isCancelled, each: body)
  }
}
