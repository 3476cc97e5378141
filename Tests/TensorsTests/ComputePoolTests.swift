import Foundation
import KingletTestSupport
import Synchronization
import Testing

@testable import KingletTensors

/// The thread pool under many tiny phases.
@Suite("Compute pool") struct ComputePoolTests {
  /// Counters of one caller, written to by every thread of the pool.
  private final class Tally: Sendable {
    let calls: Mutex<[Int]> = .init([])
    let busy: Mutex<Set<Int>> = .init([])
    let problems = Atomic<Int>(0)
  }

  /// Runs `phases` phases of random size and checks each.
  private func storm(_ pool: ComputePool, seed: UInt64, phases: Int) -> Int {
    var random = SeededRandom(seed)
    let tally = Tally()
    for _ in 0..<phases {
      let count = Int.random(in: 0...64, using: &random)
      let threads = Int.random(in: 1...pool.threadCount + 1, using: &random)
      tally.calls.withLock { $0 = Array(repeating: 0, count: count) }
      let most = Int.random(in: 1...20, using: &random)
      let least = Int.random(in: 1...most, using: &random)
      // Addresses of nothing: fetching ahead reads from none of them.
      let nowhere = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: 64 * (count + 1)), count: 3000)
      let upcoming = count % 3 == 0 ? UpcomingReads(Array(repeating: [nowhere], count: threads)) : nil
      pool.runRanges(count, least: least, most: most, threads: threads, upcoming: upcoming) { range, worker in
        if range.isEmpty || range.count > most { tally.problems.wrappingAdd(1, ordering: .relaxed) }
        if worker < 0 || worker >= threads || worker >= pool.threadCount {
          tally.problems.wrappingAdd(1, ordering: .relaxed)
        }
        if !tally.busy.withLock({ $0.insert(worker).inserted }) { tally.problems.wrappingAdd(1, ordering: .relaxed) }
        tally.calls.withLock { for index in range { $0[index] += 1 } }
        if tally.busy.withLock({ $0.remove(worker) }) == nil { tally.problems.wrappingAdd(1, ordering: .relaxed) }
      }
      if tally.calls.withLock({ $0 }) != Array(repeating: 1, count: count) {
        tally.problems.wrappingAdd(1, ordering: .relaxed)
      }
    }
    return tally.problems.load(ordering: .relaxed)
  }

  @Test(
    "Each index once and no worker twice at a time, with two callers at once",
    arguments: [(1, 2000), (2, 20_000), (3, 5000)])
  func storms(threadCount: Int, phases: Int) async {
    let pool = ComputePool(threadCount: threadCount)
    let problems = await withTaskGroup { group in
      for caller in 0..<2 { group.addTask { storm(pool, seed: UInt64(caller), phases: phases) } }
      return await group.reduce(0, +)
    }
    #expect(problems == 0)
  }

  @Test("What a phase writes is seen after it, without further care")
  func visibility() {
    let pool = ComputePool(threadCount: 2)
    let memory = Fenced<Int>(repeating: 0, count: 1000)
    nonisolated(unsafe) let pointer = memory.pointer
    for round in 1...2000 {
      pool.run(1000, threads: 2) { index, _ in pointer[index] += index }
      if round % 100 == 0 { #expect(memory.values.enumerated().allSatisfy { $1 == $0 * round }) }
    }
  }

  @Test("Work that the caller shares with others is done by others too")
  func sharing() {
    let pool = ComputePool(threadCount: 2)
    let workers = Mutex<Set<Int>>([])
    // Each of two tasks waits for the other, so one thread alone could not end this.
    let arrived = Atomic<Int>(0)
    pool.run(2, threads: 2) { _, worker in
      _ = workers.withLock { $0.insert(worker) }
      arrived.wrappingAdd(1, ordering: .sequentiallyConsistent)
      while arrived.load(ordering: .sequentiallyConsistent) < 2 { usleep(10) }
    }
    #expect(workers.withLock { $0 } == [0, 1])
  }

  @Test("Threads asleep since long ago wake up for the next phase")
  func sleep() {
    let pool = ComputePool(threadCount: 2)
    for _ in 0..<20 {
      usleep(3000)
      let arrived = Atomic<Int>(0)
      pool.run(2, threads: 2) { _, _ in
        arrived.wrappingAdd(1, ordering: .sequentiallyConsistent)
        while arrived.load(ordering: .sequentiallyConsistent) < 2 { usleep(10) }
      }
      #expect(arrived.load(ordering: .sequentiallyConsistent) == 2)
    }
  }
}
