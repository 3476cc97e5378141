import CIntrinsics
import KingletKernels
import Synchronization

/// Projections `A x` of updates that the workers of a phase compute before all else, as the phase's products of the same
/// input do not need them until they are completed: a phase of their own would cost a synchronisation, and a single
/// thread has not the bandwidth to read A.
///
/// `@unchecked Sendable`: `tasks` and `workers` change only between phases.
final class PendingProjections: @unchecked Sendable {
  private var tasks: [LowRankProjection] = []
  private var workers = 1
  private let shares: WorkShares
  private let done = Atomic<Int>(0)

  /// - Parameter workers: the most there can be.
  init(workers: Int) { shares = WorkShares(workers: workers) }

  /// Deals out tasks, in place of those of the phase before. To be called when nobody is at work.
  func begin(_ tasks: [LowRankProjection], workers: Int) {
    self.tasks = tasks
    self.workers = workers
    shares.deal(tasks.count, workers: workers)
    done.store(0, ordering: .relaxed)
  }

  /// Lends the tasks to a phase.
  func lend(_ body: (Lent) -> Void) {
    tasks.withUnsafeBufferPointer { body(Lent(tasks: $0, workers: workers, owner: .passUnretained(self))) }
  }

  /// The tasks as workers see them: without references, as in `ProjectionTask`.
  struct Lent {
    let tasks: UnsafeBufferPointer<LowRankProjection>
    fileprivate let workers: Int
    fileprivate let owner: Unmanaged<PendingProjections>

    /// Computes a worker's share, and then what nobody else has begun.
    func help(_ worker: Int, _ table: KernelTable) {
      owner._withUnsafeGuaranteedRef { owner in
        if owner.done.load(ordering: .relaxed) == tasks.count { return }
        owner.shares.takeAll(worker, of: workers, least: 4, most: 4) { range in
          for index in range { table.projectLowRank(tasks[index]) }
          owner.done.wrappingAdd(range.count, ordering: .releasing)
        }
      }
    }

    /// Returns when all are computed. All are begun when a worker has helped, so this is short.
    func wait() {
      owner._withUnsafeGuaranteedRef { owner in
        while owner.done.load(ordering: .acquiring) < tasks.count { kinglet_spin_pause() }
      }
    }
  }

  /// What a worker will read of first factors.
  func reads(_ worker: Int) -> [UnsafeRawBufferPointer] {
    tasks[WorkShares.share(worker, of: tasks.count, workers: workers)].map(\.aBytes)
  }
}
