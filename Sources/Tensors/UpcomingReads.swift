import CIntrinsics

/// What the workers of a phase will read first: for each, some stretches of memory.
///
/// Immutable; fetching ahead changes no memory and, as a hint to the processor, fails for none.
///
/// `@unchecked Sendable`: holds addresses only, which are never read from.
final class UpcomingReads: @unchecked Sendable {
  /// What a worker fetches at most: a part of its second-level cache, and more than there is time for.
  private static let byteCount = 256 << 10
  /// Bytes between two looks at whether the phase has begun.
  private static let stepByteCount = 1024

  let stretches: [[UnsafeRawBufferPointer]]

  /// - Parameter stretches: for each worker.
  init(_ stretches: [[UnsafeRawBufferPointer]]) {
    self.stretches = stretches.map { own in
      let most = Self.byteCount / max(1, own.count)
      return own.map { UnsafeRawBufferPointer(rebasing: $0.prefix(most)) }
    }
  }

  /// Fetches what `worker` will read until everything is on its way, or `stop` says that it is wanted elsewhere.
  func fetch(_ worker: Int, until stop: () -> Bool) {
    guard worker < stretches.count else { return }
    for stretch in stretches[worker] {
      guard let base = stretch.baseAddress else { continue }
      for first in stride(from: 0, to: stretch.count, by: Self.stepByteCount) {
        if stop() { return }
        for line in stride(from: first, to: min(stretch.count, first + Self.stepByteCount), by: 64) {
          kinglet_prefetch(base + line)
        }
      }
    }
  }
}
