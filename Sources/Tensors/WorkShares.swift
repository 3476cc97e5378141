import Synchronization

/// The indices of a phase, a share for each worker: the owner takes from the front of its share, and whoever has nothing
/// left takes from the back of another's (work stealing, Blumofe and Leiserson 1999).
///
/// A worker's first index is known before the phase begins, so what it will read can be fetched ahead; and no two workers
/// touch the same cache line until one has run out.
///
/// `@unchecked Sendable`: the memory holds atomics only.
final class WorkShares: @unchecked Sendable {
  /// Two cache lines, as processors fetch them in pairs.
  private static let stride = 128

  private let workers: Int
  private let memory: UnsafeMutableRawPointer

  init(workers: Int) {
    self.workers = workers
    memory = .allocate(byteCount: workers * Self.stride, alignment: Self.stride)
    for worker in 0..<workers {
      (memory + worker * Self.stride).initializeMemory(as: Atomic<UInt64>.self, to: Atomic(0))
    }
  }

  deinit {
    for worker in 0..<workers { bounds(worker).deinitialize(count: 1) }
    memory.deallocate()
  }

  /// The share of a worker, of `count` indices for `workers`: as equal as can be, and in order.
  static func share(_ worker: Int, of count: Int, workers: Int) -> Range<Int> {
    count * worker / workers..<count * (worker + 1) / workers
  }

  /// Hands out `count` indices, which fit 32 bits, to the first `workers` workers. Nobody may be taking any.
  func deal(_ count: Int, workers: Int) {
    for worker in 0..<workers {
      bounds(worker).pointee.store(Self.packed(Self.share(worker, of: count, workers: workers)), ordering: .relaxed)
    }
  }

  /// Takes up to `most` indices from the front of a worker's own share: half of what is left and at least `least`, so
  /// that towards the end there is something left to take for others.
  func takeFirst(_ worker: Int, least: Int, most: Int) -> Range<Int>? {
    take(worker) { range in
      let half = range.count / 2 / least * least
      return range.prefix(min(most, max(least, half)))
    }
  }

  /// Takes up to `most` indices, and not more than half, from the back of another worker's share.
  func takeLast(_ worker: Int, most: Int) -> Range<Int>? {
    take(worker) { range in range.suffix(min(most, (range.count + 1) / 2)) }
  }

  /// Calls `body` with a worker's own share, range by range, and then with what it can take from others.
  @inline(__always)
  func takeAll(_ worker: Int, of workers: Int, least: Int, most: Int, _ body: (Range<Int>) -> Void) {
    while let range = takeFirst(worker, least: least, most: most) { body(range) }
    for other in 1..<max(1, workers) {
      while let range = takeLast((worker + other) % workers, most: most) { body(range) }
    }
  }

  private func take(_ worker: Int, _ choose: (Range<Int>) -> Range<Int>) -> Range<Int>? {
    let bounds = bounds(worker)
    var word = bounds.pointee.load(ordering: .relaxed)
    while true {
      let range = Int(word & 0xFFFF_FFFF)..<Int(word >> 32)
      guard !range.isEmpty else { return nil }
      let taken = choose(range)
      let rest =
        taken.lowerBound == range.lowerBound
        ? taken.upperBound..<range.upperBound : range.lowerBound..<taken.lowerBound
      let (exchanged, original) = bounds.pointee.compareExchange(
        expected: word, desired: Self.packed(rest), ordering: .relaxed)
      if exchanged { return taken }
      word = original
    }
  }

  private static func packed(_ range: Range<Int>) -> UInt64 {
    UInt64(truncatingIfNeeded: range.lowerBound) | UInt64(truncatingIfNeeded: range.upperBound) << 32
  }

  private func bounds(_ worker: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    (memory + worker * Self.stride).assumingMemoryBound(to: Atomic<UInt64>.self)
  }
}
