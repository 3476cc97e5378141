import KingletTensors

/// Something that can be measured.
protocol KernelBenchmark {
  /// Words by which it can be chosen.
  var name: String { get }
  /// Makes what it works on, and warms up once.
  func prepare(_ compute: Compute) throws -> Work
}

/// One pass of a kernel, and what a pass amounts to.
struct Work {
  /// What a pass should read at least, where reading is the limit: enough for some milliseconds. The samples of the limits
  /// between the passes read far more, so nothing of it is in the caches.
  static let leastByteCount = 32 << 20

  /// Bytes of weights, or of keys and values, that a pass reads from memory.
  let byteCount: Int
  /// Multiplications and additions.
  let operationCount: Int
  let run: () throws -> Void
}
