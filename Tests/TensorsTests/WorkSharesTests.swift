import KingletTestSupport
import Synchronization
import Testing

@testable import KingletTensors

/// Shares of a phase's indices, and counting its tasks down.
@Suite("Work shares") struct WorkSharesTests {
  @Test("Shares are all indices, in order and as equal as can be", arguments: [1, 2, 3, 7])
  func shares(workers: Int) {
    for count in [0, 1, 2, 6, 7, 100, Int(UInt32.max)] {
      let shares = (0..<workers).map { WorkShares.share($0, of: count, workers: workers) }
      #expect(shares.first?.lowerBound == 0 && shares.last?.upperBound == count)
      #expect(zip(shares, shares.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
      #expect(shares.allSatisfy { $0.count == count / workers || $0.count == (count + workers - 1) / workers })
    }
  }

  @Test("The owner takes from the front, in whole steps while there are some, and others from the back")
  func ends() {
    let shares = WorkShares(workers: 2)
    shares.deal(40, workers: 2)
    #expect(shares.takeFirst(0, least: 4, most: 8) == 0..<8)
    #expect(shares.takeFirst(0, least: 4, most: 8) == 8..<12)
    #expect(shares.takeLast(0, most: 3) == 17..<20)
    #expect(shares.takeFirst(0, least: 4, most: 8) == 12..<16)
    #expect(shares.takeLast(0, most: 8) == 16..<17)
    #expect(shares.takeFirst(0, least: 4, most: 8) == nil)
    #expect(shares.takeLast(0, most: 8) == nil)
    #expect(shares.takeLast(1, most: 20) == 30..<40)
    #expect(shares.takeLast(1, most: 2) == 28..<30)
    shares.deal(3, workers: 1)
    #expect(shares.takeFirst(0, least: 4, most: 8) == 0..<3)
  }

  @Test("Large indices do not run into each other")
  func large() {
    let shares = WorkShares(workers: 2)
    let count = Int(UInt32.max)
    shares.deal(count, workers: 2)
    #expect(shares.takeFirst(1, least: 1, most: 5) == count / 2..<count / 2 + 5)
    #expect(shares.takeLast(1, most: 5) == count - 5..<count)
  }

  @Test("An owner and thieves at once get each index once")
  func stealing() async {
    let shares = WorkShares(workers: 3)
    for round in 0..<200 {
      let count = 500 + round
      shares.deal(count, workers: 3)
      let ranges = await withTaskGroup(of: [Range<Int>].self) { group in
        for worker in 0..<3 {
          group.addTask {
            var taken: [Range<Int>] = []
            while let range = shares.takeFirst(worker, least: 1 + round % 4, most: 7) { taken.append(range) }
            for other in 0..<3 { while let range = shares.takeLast(other, most: 3) { taken.append(range) } }
            return taken
          }
        }
        return await group.reduce(into: []) { $0 += $1 }
      }
      var seen = Array(repeating: 0, count: count)
      for range in ranges { for index in range { seen[index] += 1 } }
      #expect(seen.allSatisfy { $0 == 1 })
    }
  }

  @Test("The last task of a group is told so, whoever ends it")
  func countdowns() {
    let countdowns = Countdowns()
    let pool = ComputePool(threadCount: 2)
    for (groups, tasks) in [(1, 1), (3, 5), (2, 8), (40, 3)] {
      countdowns.start(groups) { _ in tasks }
      let last = Mutex(Array(repeating: 0, count: groups))
      pool.run(groups * tasks, threads: 2) { task, _ in
        if countdowns.end(task % groups) { last.withLock { $0[task % groups] += 1 } }
      }
      #expect(last.withLock { $0 } == Array(repeating: 1, count: groups))
    }
  }
}
