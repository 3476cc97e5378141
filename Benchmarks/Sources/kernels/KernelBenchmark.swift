import KingletTensors

/// Something that can be measured.
protocol KernelBenchmark {
  /// Words by which it can be chosen.
  var name: String { get }
  /// Makes what it works on, and warms up once.
  func prepare(_ compute: Compute) throws -> Work
}

/// One pass of a kernel over data that is larger than the caches, and what a pass amounts to.
struct Work {
  /// Bytes of weights, or of keys and values, that a pass reads from memory.
  let byteCount: Int
  /// Multiplications and additions.
  let operationCount: Int
  let run: () throws -> Void
}
