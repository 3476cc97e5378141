import CIntrinsics
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Threads that hold up a phase because another process has their processor.
///
/// The scheduler gives a processor to one and then to the other for some milliseconds each, and a phase takes a fraction of
/// one: in the neighbour's time nobody could go on, on any processor, until the thread has finished its task of ten
/// microseconds. So who waits for it has it moved to its own processor, to finish there at once, and the rest of the
/// neighbour's time goes by with one thread less. Measured beside a busy loop, two threads on two cores: 0.75 of the quiet
/// speed, not 0.5, which a thread alone makes.
///
/// Where every processor has a neighbour this helps nobody: the one lent is taken by the neighbour there. Who finds
/// twice that it took long after all does not try again for a while.
///
/// Linux only: elsewhere nothing is moved.
///
/// `@unchecked Sendable`: the memory holds atomics, and `origin`, which is written by who has set `call` to `.moving`, and
/// read by the thread itself after it is `.moved`; `hasFailed` is used by callers of phases, of whom there is one at a time.
final class Stragglers: @unchecked Sendable {
  #if os(Linux)
    /// Whether a thread has been called to another processor.
    private enum Call: UInt8, AtomicRepresentable { case none, moving, moved }

    private struct Seat: ~Copyable {
      let thread = Atomic<Int32>(0)
      /// Where it was when it began.
      let processor = Atomic<Int>(-1)
      let isBusy = Atomic<Bool>(false)
      let call = Atomic(Call.none)
      /// Where it may run by itself.
      var origin: ProcessorSet?
    }

    private let seats: UnsafeMutablePointer<Seat>
    private let workers: Int
    /// Whether the last recall took too long; a matter of who calls phases.
    private var hasFailed = false
    /// When threads may be moved again, in nanoseconds.
    private let rest = Atomic<Int64>(0)
    /// 1 while the caller of a phase sleeps until its workers are done.
    private let isAwaited: UnsafeMutablePointer<Atomic<UInt32>>

    init(workers: Int) {
      self.workers = max(1, workers)
      seats = .allocate(capacity: self.workers)
      for worker in 0..<self.workers { (seats + worker).initialize(to: Seat()) }
      isAwaited = .allocate(capacity: 1)
      isAwaited.initialize(to: Atomic(0))
    }

    deinit {
      seats.deinitialize(count: workers)
      seats.deallocate()
      isAwaited.deinitialize(count: 1)
      isAwaited.deallocate()
    }

    /// A thread begins its part of a phase.
    func begin(_ worker: Int) {
      seats[worker].thread.store(kinglet_thread_id(), ordering: .relaxed)
      seats[worker].processor.store(Int(sched_getcpu()), ordering: .relaxed)
      seats[worker].isBusy.store(true, ordering: .sequentiallyConsistent)
    }

    /// It is done with it.
    func end(_ worker: Int) { seats[worker].isBusy.store(false, ordering: .sequentiallyConsistent) }

    /// Takes back what was done to a thread; to be called by itself, after `end`.
    ///
    /// - Parameter leaves: Whether it goes back to where it was, so as not to be in the way of who called it.
    func settle(_ worker: Int, leaves: Bool) {
      guard seats[worker].call.load(ordering: .sequentiallyConsistent) != .none else { return }
      while seats[worker].call.load(ordering: .acquiring) == .moving { kinglet_spin_pause() }
      // It may have been left alone after all.
      guard seats[worker].call.load(ordering: .acquiring) == .moved else { return }
      let (origin, here) = (seats[worker].origin, Int(sched_getcpu()))
      seats[worker].call.store(.none, ordering: .releasing)
      guard let origin else { return }
      if leaves { leave(here, for: seats[worker].processor.load(ordering: .relaxed), of: origin) }
      origin.apply(to: 0)
    }

    /// Has the workers that hold up the caller moved to its processor, and sleeps while `condition` holds; who makes it
    /// false calls `wake`.
    func recall(while condition: () -> Bool) {
      let start = now()
      guard rest.load(ordering: .relaxed) <= start else { return }
      let stalled = stalled(among: 1..<workers)
      // Somebody is slow, not stalled: then this takes no longer than it does.
      if stalled.isEmpty { return }
      let here = Int(sched_getcpu())
      for worker in stalled { move(worker, to: here) }
      while true {
        isAwaited.pointee.store(1, ordering: .sequentiallyConsistent)
        if !condition() { break }
        kinglet_futex_wait(isAwaited, 1)
      }
      isAwaited.pointee.store(0, ordering: .relaxed)
      let end = now()
      let isFailure = end - start > Self.longest
      if isFailure, hasFailed { rest.store(end + Self.restTime, ordering: .relaxed) }
      hasFailed = isFailure
    }

    /// What a task takes at most, when it has a processor to itself: 1 ms.
    private static let longest: Int64 = 1_000_000
    private static let restTime: Int64 = 100_000_000

    private func now() -> Int64 { kinglet_time(CLOCK_MONOTONIC) }

    /// Wakes who sleeps in `recall`.
    func wake() {
      if isAwaited.pointee.load(ordering: .sequentiallyConsistent) == 0 { return }
      isAwaited.pointee.store(0, ordering: .sequentiallyConsistent)
      kinglet_futex_wake_all(isAwaited)
    }

    /// Leaves this processor to the caller of the phase, if that holds up the phase, and goes where it was.
    func yieldToCaller() {
      guard rest.load(ordering: .relaxed) <= now(), !stalled(among: 0..<1).isEmpty else { return }
      let here = Int(sched_getcpu())
      guard move(0, to: here), let origin = ProcessorSet(of: 0) else { return }
      leave(here, for: seats[0].processor.load(ordering: .relaxed), of: origin)
      origin.apply(to: 0)
    }

    /// Those that are in a phase and have no processor: their clocks stand still.
    private func stalled(among workers: Range<Int>) -> [Int] {
      func times() -> [Int64?] {
        workers.map { worker in
          guard seats[worker].isBusy.load(ordering: .sequentiallyConsistent) else { return nil }
          let time = kinglet_time(kinglet_thread_clock(seats[worker].thread.load(ordering: .relaxed)))
          return time < 0 ? nil : time
        }
      }
      let before = times()
      if before.allSatisfy({ $0 == nil }) { return [] }
      for _ in 0..<Self.spins { kinglet_spin_pause() }
      return zip(workers, zip(before, times())).compactMap { worker, times in
        times.0 != nil && times.0 == times.1 ? worker : nil
      }
    }

    /// About 5 µs.
    private static let spins = 100

    /// Has a busy thread moved; false for one that is not busy, is moved already, or may not run there.
    @discardableResult
    private func move(_ worker: Int, to processor: Int) -> Bool {
      guard processor >= 0,
        seats[worker].call.compareExchange(
          expected: .none, desired: .moving, ordering: .sequentiallyConsistent
        ).exchanged
      else { return false }
      // Seen busy from here on, it will see the call before it can do anything else; so the thread is the one that is busy.
      let isBusy = seats[worker].isBusy.load(ordering: .sequentiallyConsistent)
      let thread = seats[worker].thread.load(ordering: .relaxed)
      guard isBusy, let origin = ProcessorSet(of: thread), origin.contains(processor) else {
        seats[worker].call.store(.none, ordering: .releasing)
        return false
      }
      seats[worker].origin = origin
      ProcessorSet(processor).apply(to: thread)
      seats[worker].call.store(.moved, ordering: .releasing)
      return true
    }

    /// Leaves processor `here` for `processor`, where a thread was before, or for any other if that is the same.
    private func leave(_ here: Int, for processor: Int, of origin: ProcessorSet) {
      if processor != here, origin.contains(processor) {
        ProcessorSet(processor).apply(to: 0)
      } else {
        origin.without(here)?.apply(to: 0)
      }
    }
  #else
    init(workers: Int) {}
    func begin(_ worker: Int) {}
    func end(_ worker: Int) {}
    func settle(_ worker: Int, leaves: Bool) {}
    func recall(while condition: () -> Bool) {}
    func wake() {}
    func yieldToCaller() {}
  #endif
}
