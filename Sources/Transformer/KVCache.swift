import KingletErrors
import KingletTensors

/// How keys and values are stored.
public enum KVType: String, Sendable, CaseIterable {
  /// Half precision: the default.
  case f16
  /// Single precision: twice the memory, for comparisons with a reference.
  case f32
  /// Bytes with a half-precision scale for each 32 dimensions: little more than half the memory of `f16`.
  case q8_0

  var element: KVElement {
    switch self {
    case .f16: .f16
    case .f32: .f32
    case .q8_0: .q8_0
    }
  }
}

/// The keys and values of one sequence, for all layers.
///
/// Storage grows with the sequence, in pages of 256 positions; layers with a sliding window hold no more than the window
/// and some slack. Not `Sendable`: it belongs to whoever runs the sequence.
public final class KVCache {
  /// Positions held.
  public private(set) var count = 0
  /// Positions it may hold.
  public let capacity: Int
  public let type: KVType
  let layers: [KVLayer]

  init(_ description: DecoderDescription, capacity: Int, type: KVType) {
    self.capacity = capacity
    self.type = type
    let store = KVPageStore()
    layers = description.layers.map {
      KVLayer(
        headCount: description.keyHeadCount, headSize: description.headSize, type: type.element, window: $0.window,
        store: store)
    }
  }

  /// Forgets positions from `count` on.
  ///
  /// - Returns: the position from which the caller can really resume: `count` (or what is held, if less), or 0 when a
  ///   sliding window has already dropped what that position needs; the cache is then empty.
  public func truncate(to count: Int) -> Int {
    guard count < self.count else { return self.count }
    self.count = max(0, count)
    for layer in layers where !layer.truncate(to: self.count) { self.count = 0 }
    if self.count == 0 { layers.forEach { $0.reset() } }
    return self.count
  }

  /// Makes room for `positions` more, so that a pass that appends them does not want for memory.
  ///
  /// - Throws: `.outOfMemory`; what the cache holds stays.
  public func reserve(_ positions: Int) throws(KingletError) {
    for layer in layers { try layer.reserve(upTo: min(capacity, count + positions)) }
  }

  /// Counts positions that have been appended to all layers.
  func advance(by positions: Int) {
    count += positions
    for layer in layers { layer.dropPages(before: count) }
  }
}

extension DecoderDescription {
  /// Bytes of keys and values that `capacity` positions take; `Int.max` where they are more than that.
  public func cacheByteCount(capacity: Int, type: KVType = .f16) -> Int {
    KVCache(self, capacity: max(1, capacity), type: type).layers.reduce(0) {
      let (sum, overflow) = $0.addingReportingOverflow(
        $1.byteCount(positions: capacity, chunk: Decoder.chunkLength))
      return overflow ? .max : sum
    }
  }
}
