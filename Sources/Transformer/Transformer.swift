import KingletErrors
import KingletGGUF

// PLACEHOLDER (interface first; the body is being written)
public final class Decoder: Sendable {
  public struct LoadOptions: Sendable {
    public init() {}
  }
  public let vocabularySize: Int = 0
  /// The length the model was trained for, in tokens.
  public let trainedContextLength: Int = 0
  public static func load(
    _ file: GGUFFile, options: LoadOptions = .init(), progress: (@Sendable (Double) -> Void)? = nil
  ) throws(KingletError) -> Decoder { throw KingletError(.unsupported, "not yet") }

  public func makeCache(capacity: Int, type: KVType = .f16) throws(KingletError) -> KVCache {
    throw KingletError(.unsupported, "not yet")
  }
  /// Bytes of keys and values that `capacity` positions take.
  public func cacheByteCount(capacity: Int, type: KVType = .f16) -> Int { 0 }

  /// Runs `tokens` after what the cache holds and appends their keys and values; `logits` receives the row of the last
  /// token (`[vocabularySize]`; reused, not reallocated). `isCancelled` is asked between layers; when it says yes the
  /// cache is left as it was and `.cancelled` is thrown.
  public func forward(
    _ tokens: ArraySlice<Int32>, cache: KVCache, logits: inout [Float], isCancelled: () -> Bool = { false }
  ) throws(KingletError) { throw KingletError(.unsupported, "not yet") }

  /// As above, without logits: all of a prompt but its last chunk.
  public func forward(
    _ tokens: ArraySlice<Int32>, cache: KVCache, isCancelled: () -> Bool = { false }
  ) throws(KingletError) { throw KingletError(.unsupported, "not yet") }

  /// As above, with the logits of every token, given to `body` one row at a time (index in `tokens`, row).
  public func forward(
    _ tokens: ArraySlice<Int32>, cache: KVCache, isCancelled: () -> Bool = { false },
    eachRow body: (Int, borrowing [Float]) throws(KingletError) -> Void
  ) throws(KingletError) { throw KingletError(.unsupported, "not yet") }
}

public enum KVType: String, Sendable, CaseIterable { case f16, f32 }

/// The keys and values of one sequence. Not `Sendable`: it belongs to the engine's thread.
public final class KVCache {
  /// Positions held.
  public private(set) var count: Int = 0
  /// Positions it may hold.
  public let capacity: Int
  init(capacity: Int) { self.capacity = capacity }
  /// Forgets positions from `count` on; returns the position from which the caller can really resume, which is lower
  /// (0, at worst) when a sliding window has already dropped what that position needs.
  public func truncate(to count: Int) -> Int { self.count = min(self.count, count); return self.count }
}
