import Testing

@testable import KingletTensors

@Suite("Thread count") struct ThreadCountTests {
  @Test(
    "CPU quotas of control groups become whole cores",
    arguments: [
      ("200000 100000", 2), ("150000 100000", 2), ("100000 100000\n", 1), ("1000 100000", 1), ("100001 100000", 2),
      ("max 100000", nil), ("-1 100000", nil), ("0 100000", nil), ("200000 0", nil), ("200000 -5", nil), ("", nil),
      ("\n", nil), ("200000", nil), ("1 2 3", nil), ("a b", nil), ("99999999999999999999 100000", nil),
      ("9223372036854775807 1", Int.max), ("9223372036854775807 2", 1 << 62),
    ] as [(String, Int?)])
  func quota(text: String, cores: Int?) {
    #expect(ThreadCount.cores(quotaAndPeriod: text) == cores)
  }

  @Test("There is at least one thread, and no more than the pool has")
  func available() {
    #expect(ThreadCount.available >= 1)
    #expect(ComputePool.shared.threadCount == ThreadCount.available)
    for (wanted, expected) in [(-3, 1), (0, 1), (1, 1), (100_000, ThreadCount.available)] {
      #expect(Compute(options: .init(threads: wanted), table: .portable).threads == expected)
    }
  }
}
