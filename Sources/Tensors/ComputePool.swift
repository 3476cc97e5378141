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
/// A phase hands out its indices in ranges, long ones first and short ones towards the end (guided self-scheduling,
/// Polychronopoulos and Kuck 1987): a thread whose core a neighbour takes simply claims fewer, and all finish together. A
/// phase ends when the indices are used up and nobody works on one any more; a thread that wakes too late finds the phase
/// closed and is not waited for. Between phases threads spin for about 20 µs, as the next phase of a forward pass is
/// nearer than that, and then sleep, so that an idle engine uses no core.
///
/// `@unchecked Sendable`: `job` is written by the holder of `lock` while the phase is closed, and read by workers only
/// while it is open (`open` is stored after `job`, and cleared and drained before `job` changes again).
public final class ComputePool: @unchecked Sendable {
  public static let shared = ComputePool(threadCount: ThreadCount.available)

  /// Threads that can work at once, the caller of `run` among them.
  public let threadCount: Int

  private struct Job {
    var body: (_ range: Range<Int>, _ worker: Int) -> Void
    var count: Int
    var longest: Int
    var threads: Int
  }

  private let lock = Mutex<Void>(())
  private var job: Job?
  private let next = Atomic<Int>(0)
  private let open = Atomic<Bool>(false)
  /// Workers inside the phase, or looking whether it is open.
  private let active = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private let signal: PhaseSignal

  init(threadCount: Int) {
    self.threadCount = threadCount
    signal = PhaseSignal()
    for worker in 1..<max(threadCount, 1) { start(worker) }
  }

  /// Calls `body(index, worker)` once for every index below `count`, on up to `threads` threads, and returns when all
  /// are done. `worker` is below `threads` and no two calls with the same worker overlap: it selects scratch memory.
  public func run(_ count: Int, threads: Int, _ body: (_ index: Int, _ worker: Int) -> Void) {
    runRanges(count, longest: 1, threads: threads) { range, worker in
      for index in range { body(index, worker) }
    }
  }

  /// The same with ranges of at most `longest` indices, which together make up all of them.
  public func runRanges(
    _ count: Int, longest: Int, threads: Int, _ body: (_ range: Range<Int>, _ worker: Int) -> Void
  ) {
    let threads = min(threads, threadCount)
    guard threads > 1, count > 1 else {
      for first in stride(from: 0, to: count, by: longest) { body(first..<min(count, first + longest), 0) }
      return
    }
    withoutActuallyEscaping(body) { body in
      lock.withLock { _ in
        let job = Job(body: body, count: count, longest: longest, threads: threads)
        self.job = job
        next.store(0, ordering: .relaxed)
        open.store(true, ordering: .sequentiallyConsistent)
        signal.advance(wake: sleepers)
        claim(job, 0)
        open.store(false, ordering: .sequentiallyConsistent)
        while active.load(ordering: .sequentiallyConsistent) != 0 { kinglet_spin_pause() }
        self.job = nil
      }
    }
  }

  private func claim(_ job: Job, _ worker: Int) {
    var first = next.load(ordering: .relaxed)
    while first < job.count {
      let length = min(job.longest, max(1, (job.count - first) / (2 * job.threads)))
      let claimed = next.compareExchange(expected: first, desired: first + length, ordering: .relaxed)
      if claimed.exchanged { job.body(first..<first + length, worker) }
      first = claimed.exchanged ? next.load(ordering: .relaxed) : claimed.original
    }
  }

  private func work(_ worker: Int) {
    var seen: UInt32 = 0
    while true {
      seen = signal.wait(after: seen, sleepers: sleepers)
      active.wrappingAdd(1, ordering: .sequentiallyConsistent)
      participate(worker)
      active.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    }
  }

  // Never inlined: the reference to the phase's closure must be gone before this worker is counted out.
  @inline(never)
  private func participate(_ worker: Int) {
    guard open.load(ordering: .sequentiallyConsistent), let job, worker < job.threads else { return }
    claim(job, worker)
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
