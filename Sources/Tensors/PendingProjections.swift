import CIntrinsics
import KingletKernels
import Synchronization

/// Projections `A x` of updates that the workers of a phase compute before all else, as the phase's products of the same
/// input do not need them until they are completed: a phase of their own would cost a synchronisation, and a single
/// thread has not the bandwidth to read A.
///
/// `@unchecked Sendable`: `tasks` changes only between phases.
final class PendingProjections: @unchecked Sendable {
  private var tasks: [LowRankProjection] = []
  private let claimed = Atomic<Int>(0)
  private let done = Atomic<Int>(0)

  /// To be called before a phase, when nobody is at work.
  func begin(_ projections: [LowRankProjection]) {
    tasks = projections
    claimed.store(0, ordering: .relaxed)
    done.store(0, ordering: .relaxed)
  }

  /// Computes what nobody else has begun.
  func help(_ table: KernelTable) {
    tasks.withUnsafeBufferPointer { tasks in
      while claimed.load(ordering: .relaxed) < tasks.count {
        let index = claimed.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < tasks.count else { return }
        table.projectLowRank(tasks[index])
        done.wrappingAdd(1, ordering: .releasing)
      }
    }
  }

  /// Returns when all are computed. All are begun when a worker has helped, so this is short.
  func wait() {
    while done.load(ordering: .acquiring) < tasks.count { kinglet_spin_pause() }
  }
}
