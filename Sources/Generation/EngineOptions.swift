/// What an engine may take of the machine.
public struct EngineOptions: Sendable, Equatable {
  /// Sequences that are decoded at once; further requests wait.
  public var maximumSequences: Int
  /// Bytes that the keys and values of all sequences may take, those that sessions keep included; nil for no bound but
  /// the context of each. Requests wait for room, and one that could never have it is refused.
  public var cacheByteBudget: Int?
  /// Deltas that a stream holds before its generation waits for the reader.
  public var streamCapacity: Int

  public init(maximumSequences: Int = 16, cacheByteBudget: Int? = nil, streamCapacity: Int = 64) {
    self.maximumSequences = maximumSequences
    self.cacheByteBudget = cacheByteBudget
    self.streamCapacity = streamCapacity
  }
}
