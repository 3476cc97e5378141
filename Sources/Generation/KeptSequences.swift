import KingletErrors

/// The sequences of sessions that are not at work, and the budget that they share with those that are.
struct KeptSequences<Cache: SequenceCache> {
  private struct Kept {
    let sequence: CachedSequence<Cache>
    let byteCount: Int
    /// Larger for what was used later.
    let age: Int
  }

  private let byteBudget: Int?
  private var sequences: [UInt64: Kept] = [:]
  /// Sessions that were let go of while they were at work.
  private var released: Set<UInt64> = []
  private var clock = 0

  init(byteBudget: Int?) { self.byteBudget = byteBudget }

  mutating func keep(_ sequence: CachedSequence<Cache>, _ session: UInt64, byteCount: Int) {
    if released.remove(session) != nil { return }
    clock += 1
    sequences[session] = Kept(sequence: sequence, byteCount: byteCount, age: clock)
  }

  mutating func take(_ session: UInt64) -> CachedSequence<Cache>? { sequences.removeValue(forKey: session)?.sequence }

  /// Frees a session's sequence, now or, where there is work for it, when that is done.
  mutating func release(_ session: UInt64, isBusy: Bool) {
    sequences[session] = nil
    if isBusy { released.insert(session) }
  }

  /// Notes that a session's sequence is lost.
  mutating func forget(_ session: UInt64) { released.remove(session) }

  /// Makes room for a sequence, by letting go of those that have not been used for longest: their next request runs its
  /// whole prompt again.
  ///
  /// - Parameters:
  ///   - busy: Bytes of the sequences that are at work.
  ///   - session: Whose sequence it will be; what is kept of it is part of it.
  /// - Returns: False when it does not fit beside those at work.
  /// - Throws: `.outOfMemory` when it would not fit alone.
  mutating func makeRoom(for byteCount: Int, beside busy: Int, session: UInt64?) throws(KingletError) -> Bool {
    guard let byteBudget else { return true }
    guard byteCount <= byteBudget else {
      throw KingletError(
        .outOfMemory,
        "the request may come to need \(byteCount) bytes of keys and values, the engine has \(byteBudget) for all",
        remedy: "Ask for fewer tokens, or give the engine a larger budget.")
    }
    guard byteCount <= byteBudget - busy else { return false }
    var others = sequences.filter { $0.key != session }
    var sum = others.reduce(0) { $0 + $1.value.byteCount }
    while sum > byteBudget - busy - byteCount, let oldest = others.min(by: { $0.value.age < $1.value.age }) {
      sum -= oldest.value.byteCount
      others[oldest.key] = nil
      sequences[oldest.key] = nil
    }
    return true
  }
}
