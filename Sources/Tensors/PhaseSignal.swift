import CIntrinsics
import Synchronization

#if canImport(Darwin)
  import Darwin
#endif

/// A counter of phases that threads can wait on: by spinning first, then asleep (futex on Linux, condition elsewhere).
final class PhaseSignal: @unchecked Sendable {
  // `@unchecked Sendable`: `word` is only touched through atomic operations, and the condition is made for sharing.

  /// About 40 µs of `pause` on the processors this was measured on: longer than a pass leaves between its phases. Waiting
  /// from one token to the next as well (200 µs) makes small models 2 % faster, but costs 15 % beside a busy neighbour.
  static let spins = 800

  private let word: UnsafeMutablePointer<Atomic<UInt32>>
  #if !os(Linux)
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  #endif

  init() {
    word = .allocate(capacity: 1)
    word.initialize(to: Atomic(0))
    #if !os(Linux)
      pthread_mutex_init(mutex, nil)
      pthread_cond_init(condition, nil)
    #endif
  }

  deinit {
    word.deinitialize(count: 1)
    word.deallocate()
    #if !os(Linux)
      pthread_cond_destroy(condition)
      pthread_mutex_destroy(mutex)
      condition.deallocate()
      mutex.deallocate()
    #endif
  }

  /// Announces a phase, and wakes who sleeps.
  func advance(wake sleepers: borrowing Atomic<Int>) {
    word.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
    guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
    #if os(Linux)
      kinglet_futex_wake_all(word)
    #else
      pthread_mutex_lock(mutex)
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    #endif
  }

  /// Whether a phase after `seen` has been announced.
  func isPast(_ seen: UInt32) -> Bool { word.pointee.load(ordering: .relaxed) != seen }

  /// Returns the number of the current phase as soon as it is another than `seen`.
  ///
  /// - Parameter tired: Called once, before falling asleep.
  func wait(after seen: UInt32, sleepers: borrowing Atomic<Int>, _ tired: () -> Void) -> UInt32 {
    for _ in 0..<Self.spins {
      let now = word.pointee.load(ordering: .acquiring)
      if now != seen { return now }
      kinglet_spin_pause()
    }
    tired()
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    defer { sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
    #if os(Linux)
      while true {
        let now = word.pointee.load(ordering: .sequentiallyConsistent)
        if now != seen { return now }
        kinglet_futex_wait(word, seen)
      }
    #else
      pthread_mutex_lock(mutex)
      defer { pthread_mutex_unlock(mutex) }
      while true {
        let now = word.pointee.load(ordering: .sequentiallyConsistent)
        if now != seen { return now }
        pthread_cond_wait(condition, mutex)
      }
    #endif
  }
}
