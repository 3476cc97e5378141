import CIntrinsics
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The threads that share one computation: one pool for the process.
///
/// A phase deals its indices out in equal shares, and who is done takes from others: a thread whose core a neighbour takes
/// simply does less, and all finish together; if it is in the middle of a task, it is brought to a core that is free
/// (`Stragglers`). A thread that wakes too late finds the phase closed and is not waited for.
/// Between phases threads fetch what they will read in the next one, as far as that is known, and spin for about 40 µs, as
/// the next phase of a forward pass is nearer than that; then they sleep, so that an idle engine uses no core.
///
/// `@unchecked Sendable`: `job` is written by the holder of `lock` while the phase is closed, and read by workers only
/// while it is open (`open` is stored after `job`, and cleared and drained before `job` changes again).
public final class ComputePool: @unchecked Sendable {
  public static let shared = ComputePool(threadCount: ThreadCount.available)

  /// Threads that can work at once, the caller of `run` among them.
  public let threadCount: Int

  private struct Job {
    var body: (_ range: Range<Int>, _ worker: Int) -> Void
    var least: Int
    var most: Int
    var threads: Int
    var upcoming: UpcomingReads?
  }

  private let lock = Mutex<Void>(())
  private var job: Job?
  private let shares: WorkShares
  private let open = Atomic<Bool>(false)
  /// Workers inside the phase, or looking whether it is open.
  private let active = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private let signal: PhaseSignal
  private let stragglers: Stragglers

  init(threadCount: Int) {
    self.threadCount = threadCount
    shares = WorkShares(workers: threadCount)
    signal = PhaseSignal()
    stragglers = Stragglers(workers: threadCount)
    for worker in 1..<max(threadCount, 1) { start(worker) }
  }

  /// Calls `body(index, worker)` once for every index below `count`, on up to `threads` threads, and returns when all
  /// are done. `worker` is below `threads` and no two calls with the same worker overlap: it selects scratch memory.
  public func run(_ count: Int, threads: Int, _ body: (_ index: Int, _ worker: Int) -> Void) {
    runRanges(count, least: 1, most: 1, threads: threads) { range, worker in
      for index in range { body(index, worker) }
    }
  }

  /// The same with ranges of at most `most` indices, which together make up all of them; of at least `least` where as
  /// many are left. Workers that wait for the next phase meanwhile fetch the `upcoming` reads.
  func runRanges(
    _ count: Int, least: Int, most: Int, threads: Int, upcoming: UpcomingReads? = nil,
    _ body: (_ range: Range<Int>, _ worker: Int) -> Void
  ) {
    let threads = min(threads, threadCount)
    guard threads > 1, count > 1, count <= UInt32.max else {
      for first in stride(from: 0, to: count, by: most) { body(first..<min(count, first + most), 0) }
      return
    }
    withoutActuallyEscaping(body) { body in
      lock.withLock { _ in
        let job = Job(body: body, least: least, most: most, threads: threads, upcoming: upcoming)
        self.job = job
        shares.deal(count, workers: threads)
        stragglers.begin(0)
        open.store(true, ordering: .sequentiallyConsistent)
        signal.advance(wake: sleepers)
        take(job, 0)
        stragglers.end(0)
        open.store(false, ordering: .sequentiallyConsistent)
        waitForWorkers()
        stragglers.settle(0, leaves: false)
        self.job = nil
      }
    }
  }

  private func waitForWorkers() {
    func isAnyAtWork() -> Bool { active.load(ordering: .sequentiallyConsistent) != 0 }
    var spins = 0
    while isAnyAtWork() {
      kinglet_spin_pause()
      spins += 1
      if spins % PhaseSignal.spins == 0 { stragglers.recall(while: isAnyAtWork) }
    }
  }

  private func take(_ job: Job, _ worker: Int) {
    shares.takeAll(worker, of: job.threads, least: job.least, most: job.most) { job.body($0, worker) }
  }

  private func work(_ worker: Int) {
    var seen: UInt32 = 0
    while true {
      seen = signal.wait(after: seen, sleepers: sleepers) { stragglers.yieldToCaller() }
      active.wrappingAdd(1, ordering: .sequentiallyConsistent)
      let upcoming = participate(worker)
      if active.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue == 0 { stragglers.wake() }
      stragglers.settle(worker, leaves: true)
      upcoming?.fetch(worker) { signal.isPast(seen) }
    }
  }

  // Never inlined: the reference to the phase's closure must be gone before this worker is counted out.
  @inline(never)
  private func participate(_ worker: Int) -> UpcomingReads? {
    guard open.load(ordering: .sequentiallyConsistent), let job, worker < job.threads else { return nil }
    stragglers.begin(worker)
    take(job, worker)
    stragglers.end(worker)
    return job.upcoming
  }

  private func start(_ worker: Int) {
    startThread { self.work(worker) }
  }
}

/// Starts a detached thread that runs `body`; false when the system has no thread to give.
@discardableResult
public func startThread(stackByteCount: Int = 1 << 20, _ body: @escaping @Sendable () -> Void) -> Bool {
  final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  pthread_attr_setstacksize(&attributes, stackByteCount)
  let box = Unmanaged.passRetained(Box(body))
  #if canImport(Darwin)
    var thread: pthread_t?
    let status = pthread_create(
      &thread, &attributes,
      { argument in
        Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
  #else
    var thread = pthread_t()
    let status = pthread_create(
      &thread, &attributes,
      { argument in
        if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, box.toOpaque())
  #endif
  pthread_attr_destroy(&attributes)
  if status != 0 { box.release() }
  return status == 0
}
