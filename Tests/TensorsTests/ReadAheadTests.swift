import KingletTestSupport
import Testing

@testable import KingletTensors

/// What is foretold to be read after what.
@Suite("Read ahead") struct ReadAheadTests {
  private static func matrices(_ rows: [Int]) throws -> [PackedMatrix] {
    try packed(rows.map { RandomMatrix(.q4_0, rows: $0, columns: 64, seed: UInt64($0)) }, .portable)
  }

  private static func phase(_ matrices: [PackedMatrix], sharesTasks: Bool = false) -> ReadAhead.Phase {
    ReadAhead.Phase(
      matrices: matrices, splits: matrices.map { Split($0, tokens: 1, threads: 2) }, sharesTasks: sharesTasks)
  }

  @Test("Nothing in the first pass; then each phase is told the next, and the last one the first")
  func cycle() throws {
    let matrices = try Self.matrices([32, 64, 96])
    var ahead = ReadAhead()
    func follow(_ index: Int) -> UnsafeRawPointer? {
      let base = matrices[index].base
      if !ahead.follow(base, ReadAhead.Circumstances()) {
        ahead.learn(base, ReadAhead.Circumstances(), Self.phase([matrices[index]]).reads(threads: 2))
      }
      return ahead.next?.stretches[0].first?.baseAddress
    }
    #expect([0, 1, 2].map(follow).allSatisfy { $0 == nil || $0 == matrices[0].base })
    for _ in 0..<3 {
      #expect(follow(0) == matrices[1].base)
      #expect(follow(1) == matrices[2].base)
      #expect(follow(2) == matrices[0].base)
    }
    // A pass that was cut short, and then one from its beginning.
    #expect(follow(0) == matrices[1].base)
    #expect(follow(0) == matrices[1].base)
    #expect(follow(1) == matrices[2].base)
  }

  @Test("A worker's stretches are the panels of its share, matrix after matrix")
  func stretches() throws {
    let matrices = try Self.matrices([160, 96])
    let phase = Self.phase(matrices)
    let shares = phase.reads(threads: 2).stretches
    for (index, matrix) in matrices.enumerated() {
      let bytes = UnsafeRawBufferPointer(start: matrix.base, count: matrix.byteCount)
      let parts = shares.flatMap { $0 }.filter {
        guard let start = $0.baseAddress, let first = bytes.baseAddress else { return false }
        return start >= first && start < first + bytes.count
      }
      #expect(parts.first?.baseAddress == bytes.baseAddress)
      #expect(parts.reduce(0) { $0 + $1.count } == matrix.byteCount, "matrix \(index)")
    }
    // 16 strips of 16 rows in all: eight for each worker.
    #expect(shares.map(\.count) == [1, 2])
  }

  @Test("Matrices of the same tasks begin with the same panels")
  func together() throws {
    let matrices = try Self.matrices([64, 64])
    let second = Self.phase(matrices, sharesTasks: true).reads(threads: 2).stretches[1]
    #expect(second.count == 2)
    #expect(zip(second, matrices).allSatisfy { $0.baseAddress == $1.base + $1.byteCount / 2 })
  }

  @Test("Factors of adapters come before the panels they belong to, and are forgotten with the adapter")
  func factors() throws {
    let matrices = try Self.matrices([64, 96])
    // Of rank 8: two panels of A, one for each worker.
    let updates = try matrices.map { matrix in
      try LowRankUpdate(
        [
          .init(
            a: [Float](repeating: 1, count: 8 * 64), rank: 8, scale: 1,
            parts: [.init(matrix, b: [Float](repeating: 1, count: matrix.rows * 8))])
        ], columns: 64, precision: .single, in: FactorMemory())
    }
    let x = [Float](repeating: 1, count: 64)
    let lows = GrowingMemory()
    let pending = PendingProjections(workers: 2)
    var ahead = ReadAhead()
    func follow(_ index: Int, adapted: Bool) throws -> [UnsafeRawBufferPointer] {
      let matrix = matrices[index]
      let circumstances = ReadAhead.Circumstances(factor: adapted ? updates[index].task.a : nil)
      if !ahead.follow(matrix.base, circumstances) {
        var phase = Self.phase([matrix])
        if adapted {
          let own = try #require(InputUpdates([AppliedUpdate(updates[index], rows: 0..<1, strength: 1)]))
          try x.withUnsafeBufferPointer {
            try own.bind(#require($0.baseAddress), stride: 64, rows: 1, columns: 64, lows: lows)
          }
          pending.begin(own.projections, workers: 2)
          phase.updates = (own.tasks, pending)
        }
        ahead.learn(matrix.base, circumstances, phase.reads(threads: 2))
      }
      return ahead.next?.stretches[1] ?? []
    }
    for adapted in [false, true, false] {
      // The first pass with other factors still tells of those before.
      for _ in 0..<2 { for index in 0..<2 { _ = try follow(index, adapted: adapted) } }
      let reads = try follow(0, adapted: adapted)
      #expect(reads.count == (adapted ? 3 : 1))
      #expect(reads.last?.baseAddress == matrices[1].base + matrices[1].byteCount / 2)
      guard adapted else { continue }
      #expect(reads[0].baseAddress == updates[1].a.base + 4 * 64 * 4 && reads[0].count == 4 * 64 * 4)
      #expect(reads[1].baseAddress == updates[1].targets[0].b.base + 48 * 8 * 4 && reads[1].count == 48 * 8 * 4)
    }
  }

  @Test("A worker fetches a part of its cache at most, and stops when told to")
  func limits() throws {
    let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: 4096), count: 10 << 20)
    let reads = UpcomingReads([[bytes, bytes], []])
    #expect(reads.stretches[0].allSatisfy { $0.count == 128 << 10 })
    var asked = 0
    reads.fetch(0) {
      asked += 1
      return asked == 5
    }
    #expect(asked == 5)
    reads.fetch(1) {
      Issue.record("there is nothing to fetch"); return true
    }
    reads.fetch(2) {
      Issue.record("there is no such worker"); return true
    }
  }
}
