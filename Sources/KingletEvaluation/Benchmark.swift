import KingletErrors

/// How fast a model runs on this machine, and how near it comes to what the machine can do.
public struct Benchmark: Sendable, Equatable, Codable {
  public struct Rate: Sendable, Equatable, Codable {
    public let median: Double
    public let min: Double
    public let max: Double

    /// - Parameter samples: at least one.
    init(_ samples: [Double]) {
      let sorted = samples.sorted()
      median = KingletEvaluation.median(sorted)
      min = sorted[0]
      max = sorted[sorted.count - 1]
    }
  }

  public struct Test: Sendable, Equatable, Codable {
    /// `pp512`: prefill of 512 tokens; `tg64`: 64 tokens one at a time; `tg64 @ d4096`: the same after 4,096 others;
    /// `tg64 x 8`: eight such sequences at once, the tokens of all of them counted.
    public let name: String
    public let threads: Int
    public let tokensPerSecond: Rate
    /// Bytes of packed weights that are read, over the tokens: a prefill shares the reading, as do sequences at once.
    public let weightBytesPerToken: Int
    /// Multiplications and additions with weights, over the tokens: a prefill computes the logits of one token only.
    public let matmulFlopPerToken: Int
    /// Bytes of keys and values that a token sees; only for tokens one at a time, after others.
    public let kvBytesPerToken: Int?
    /// Bytes read in a second (weights, and keys and values where they are given above) over the rate of the roofline.
    public internal(set) var shareOfRead: Double?
    /// Matrix operations in a second over those that float matrix products reach.
    public internal(set) var shareOfSgemm: Double?
    /// The same over those of 8-bit integers, where there are instructions for them.
    public internal(set) var shareOfInt8: Double?
  }

  /// What the machine can do at most with so many threads: medians of samples taken between the passes over the model,
  /// so that both have had the same neighbours.
  public struct Limits: Sendable, Equatable, Codable {
    public let threads: Int
    /// Memory read, in 1e9 bytes a second.
    public let readRate: Double
    /// Float matrix products, in 1e9 multiplications and additions a second.
    public let sgemmRate: Double
    /// 8-bit integer products, in 1e9 multiplications and additions a second.
    public let int8Rate: Double?

    private enum CodingKeys: String, CodingKey {
      case threads
      case readRate = "read_gb_per_s"
      case sgemmRate = "sgemm_gflop_per_s"
      case int8Rate = "int8_gop_per_s"
    }
  }

  public let model: String
  public let machine: Machine
  /// With the most threads of all tests; nil unless it was asked for.
  public internal(set) var roofline: Limits?
  /// One for each number of threads.
  public internal(set) var rooflines: [Limits]?
  public let loadSeconds: Double
  /// From the start of loading to the logits of the first token of a prompt of one.
  public let firstTokenSeconds: Double
  /// The most memory the process has had resident, without what measuring the roofline takes.
  public internal(set) var peakMemoryBytes: Int
  public internal(set) var tests: [Test] = []

  /// Notes the limits, and what share of them each test has reached.
  mutating func compare(with limits: [Limits]) {
    rooflines = limits
    roofline = limits.max { $0.threads < $1.threads }
    for i in tests.indices {
      guard let limit = limits.first(where: { $0.threads == tests[i].threads }) else { continue }
      let rate = tests[i].tokensPerSecond.median / 1e9
      let bytes = tests[i].weightBytesPerToken + (tests[i].kvBytesPerToken ?? 0)
      let operations = Double(tests[i].matmulFlopPerToken)
      tests[i].shareOfRead = rate * Double(bytes) / limit.readRate
      tests[i].shareOfSgemm = rate * operations / limit.sgemmRate
      tests[i].shareOfInt8 = limit.int8Rate.map { rate * operations / $0 }
    }
  }
}

/// - Parameter sorted: at least one value, in ascending order.
func median(_ sorted: [Double]) -> Double {
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
