#if os(Linux)
  import CIntrinsics
  import Foundation
  import Synchronization
  import Testing

  @testable import KingletTensors

  /// Threads that lose their processor in the middle of a task.
  @Suite("Stragglers") struct StragglersTests {
    /// Threads that keep processors busy until they are told to stop.
    private final class Neighbours: Sendable {
      private let isWanted = Atomic<Bool>(true)

      init(count: Int) {
        for _ in 0..<count {
          startThread { while self.isWanted.load(ordering: .relaxed) {} }
        }
      }
      func stop() { isWanted.store(false, ordering: .relaxed) }
    }

    @Test(
      "Beside busy neighbours phases are whole, and the caller may run where it could before",
      arguments: [2, 3])
    func neighbours(threadCount: Int) {
      let own = ProcessorSet(of: 0)
      let neighbours = Neighbours(count: 2 * ThreadCount.available)
      defer { neighbours.stop() }
      let pool = ComputePool(threadCount: threadCount)
      for _ in 0..<150 {
        let sum = Atomic<Int>(0)
        pool.run(40, threads: threadCount) { index, _ in
          var x = 0.5
          for i in 0..<20_000 { x = (x + Double(i)).squareRoot() }
          sum.wrappingAdd(x > 0 ? index : 0, ordering: .relaxed)
        }
        #expect(sum.load(ordering: .relaxed) == 780)
        #expect(ProcessorSet(of: 0) == own)
      }
    }

    /// A thread that begins a task, and does not end it before it is told to.
    private final class Sleeper: Sendable {
      let thread = Atomic<Int32>(0)
      let isDone = Atomic<Bool>(false)
      let result = Mutex<ProcessorSet?>(nil)
      private let release = DispatchSemaphore(value: 0)
      private let finished = DispatchSemaphore(value: 0)

      init(_ stragglers: Stragglers, _ worker: Int) {
        startThread {
          stragglers.begin(worker)
          self.thread.store(kinglet_thread_id(), ordering: .sequentiallyConsistent)
          self.release.wait()
          stragglers.end(worker)
          self.isDone.store(true, ordering: .sequentiallyConsistent)
          stragglers.wake()
          stragglers.settle(worker, leaves: worker > 0)
          self.result.withLock { $0 = ProcessorSet(of: 0) }
          self.finished.signal()
        }
        while thread.load(ordering: .sequentiallyConsistent) == 0 { usleep(100) }
        // From here on it sleeps, or is about to.
        usleep(5000)
      }

      func finish() -> ProcessorSet? {
        release.signal()
        finished.wait()
        return result.withLock { $0 }
      }
    }

    @Test("Who waits for a worker without a processor lends it its own, and the worker leaves when it is done")
    func recall() {
      let (own, stragglers) = (ProcessorSet(of: 0), Stragglers(workers: 2))
      let sleeper = Sleeper(stragglers, 1)
      let thread = sleeper.thread.load(ordering: .sequentiallyConsistent)
      let lent = Mutex<ProcessorSet?>(nil)
      let left = Mutex<ProcessorSet?>(nil)
      let watcher = DispatchQueue(label: "watcher")
      watcher.async {
        var patience = 5000
        while ProcessorSet(of: thread) == own, patience > 0 {
          usleep(1000)
          patience -= 1
        }
        let seen = ProcessorSet(of: thread)
        lent.withLock { $0 = seen }
        let end = sleeper.finish()
        left.withLock { $0 = end }
      }
      stragglers.recall { !sleeper.isDone.load(ordering: .sequentiallyConsistent) }
      watcher.sync {}
      #expect(lent.withLock { $0?.count } == 1)
      #expect(left.withLock { $0 } == own)
    }

    @Test("After two that took long all the same, threads are left where they are")
    func rest() {
      let (own, stragglers) = (ProcessorSet(of: 0), Stragglers(workers: 2))
      let watcher = DispatchQueue(label: "watcher")
      for _ in 0..<2 {
        let sleeper = Sleeper(stragglers, 1)
        watcher.asyncAfter(deadline: .now() + 0.02) { _ = sleeper.finish() }
        stragglers.recall { !sleeper.isDone.load(ordering: .sequentiallyConsistent) }
        watcher.sync {}
      }
      let sleeper = Sleeper(stragglers, 1)
      stragglers.recall { !sleeper.isDone.load(ordering: .sequentiallyConsistent) }
      let isDone = sleeper.isDone.load(ordering: .sequentiallyConsistent)
      #expect(!isDone)
      #expect(ProcessorSet(of: sleeper.thread.load(ordering: .sequentiallyConsistent)) == own)
      #expect(sleeper.finish() == own)
    }

    @Test("A worker without work leaves its processor to a caller that has none")
    func yield() {
      let (own, stragglers) = (ProcessorSet(of: 0), Stragglers(workers: 2))
      let caller = Sleeper(stragglers, 0)
      stragglers.yieldToCaller()
      #expect(ProcessorSet(of: caller.thread.load(ordering: .sequentiallyConsistent))?.count == 1)
      #expect(ProcessorSet(of: 0) == own)
      #expect(caller.finish() == own)
    }

    @Test("Who is at work is left alone, and so is who has no task")
    func others() {
      let (own, stragglers) = (ProcessorSet(of: 0), Stragglers(workers: 2))
      stragglers.yieldToCaller()
      stragglers.recall { true }
      stragglers.settle(0, leaves: true)
      stragglers.wake()
      #expect(ProcessorSet(of: 0) == own)
    }

    @Test("Sets of processors")
    func sets() throws {
      let own = try #require(ProcessorSet(of: 0))
      #expect(own.count == ThreadCount.affinity)
      #expect(ProcessorSet(of: -1) == nil)
      let single = ProcessorSet(70)
      #expect(single.count == 1)
      #expect((-100..<200).filter(single.contains) == [70])
      #expect(single.without(70) == nil)
      #expect(single.without(71) == single)
      #expect(single.without(5000) == single)
    }
  }
#endif
