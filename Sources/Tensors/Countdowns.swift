import Synchronization

/// How many tasks are left of each of some groups: who ends the last one of a group goes on with what all of them made.
final class Countdowns {
  private var memory = UnsafeMutableBufferPointer<Atomic<Int>>(start: nil, count: 0)

  deinit { release() }

  /// Begins some groups of as many tasks as `tasks` says for each. Nobody may be counting.
  func start(_ groups: Int, tasks: (Int) -> Int) {
    if groups > memory.count {
      release()
      memory = .allocate(capacity: groups)
      for group in 0..<groups { memory.initializeElement(at: group, to: Atomic(0)) }
    }
    for group in 0..<groups { memory[group].store(tasks(group), ordering: .relaxed) }
  }

  /// Counts a task that has ended; true for the last one of its group, which sees all that the others wrote.
  func end(_ group: Int) -> Bool {
    memory[group].wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0
  }

  private func release() {
    memory.deinitialize()
    memory.deallocate()
  }
}
