import Kinglet
import KingletGGUF
import KingletTensors
import KingletTransformer

/// How fast a model runs on this machine.
public struct Benchmark: Sendable, Equatable, Codable {
  public struct Rate: Sendable, Equatable, Codable {
    public let median: Double
    public let min: Double
    public let max: Double

    /// - Parameter samples: at least one.
    init(_ samples: [Double]) {
      let sorted = samples.sorted()
      let middle = sorted.count / 2
      median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
      min = sorted[0]
      max = sorted[sorted.count - 1]
    }
  }

  public struct Test: Sendable, Equatable, Codable {
    /// `pp512`: prefill of 512 tokens; `tg64`: 64 tokens one at a time.
    public let name: String
    public let threads: Int
    public let tokensPerSecond: Rate
    /// Bytes of weights that one token (decode) or one chunk (prefill) reads.
    public let weightBytesPerToken: Int
    public let matmulFlopPerToken: Int
  }

  public let model: String
  public let machine: Machine
  public let loadSeconds: Double
  /// From the start of loading to the logits of the first token of a prompt of one.
  public let firstTokenSeconds: Double
  public internal(set) var peakMemoryBytes: Int
  public internal(set) var tests: [Test]
}

extension Benchmark {
  public struct Plan: Sendable {
    public var promptLength: Int
    public var generatedLength: Int
    public var threads: [Int]
    public var repetitions: Int

    public init(promptLength: Int = 512, generatedLength: Int = 64, threads: [Int], repetitions: Int = 3) {
      self.promptLength = promptLength
      self.generatedLength = generatedLength
      self.threads = threads
      self.repetitions = repetitions
    }

    /// Passes over the model, for a progress bar: with one to warm up for each kind and thread count.
    var passCount: Int {
      threads.count * (repetitions + 1) * ((promptLength > 0 ? 1 : 0) + (generatedLength > 0 ? 1 : 0))
    }

    func validate() throws(KingletError) {
      guard promptLength >= 0, generatedLength >= 0, promptLength + generatedLength > 0 else {
        throw KingletError(.invalidArgument, "there is nothing to measure: both lengths are 0 or less")
      }
      guard repetitions > 0 else { throw KingletError(.invalidArgument, "at least one repetition is needed") }
      guard !threads.isEmpty, threads.allSatisfy({ $0 > 0 }) else {
        throw KingletError(.invalidArgument, "at least one thread is needed")
      }
    }
  }

  /// Loads the file and measures it. Prefill runs one prompt on an empty cache; decode runs single tokens after a prompt
  /// of one. Every kind of pass is run once before it is counted.
  public static func run(
    _ file: GGUFFile, plan: Plan, compute: ComputeOptions = .init(), cacheType: KVType = .f16,
    isCancelled: () -> Bool = { false }, progress: (Double) -> Void = { _ in }
  ) throws(KingletError) -> Benchmark {
    try plan.validate()
    let clock = ContinuousClock()
    let start = clock.now
    var compute = compute
    compute.threads = plan.threads.max()
    let decoder = try Decoder.load(file, options: .init(compute: compute))
    let loaded = clock.now
    var logits: [Float] = []
    try decoder.forward([0], cache: decoder.makeCache(capacity: 1, type: cacheType), logits: &logits)
    var result = Benchmark(
      model: try file.metadata.string("general.name") ?? file.path, machine: .current,
      loadSeconds: start.duration(to: loaded) / .seconds(1),
      firstTokenSeconds: start.duration(to: clock.now) / .seconds(1), peakMemoryBytes: 0, tests: [])

    var passes = 0
    func measure(
      _ name: String, _ decoder: Decoder, _ threads: Int, _ length: Int, _ pass: () throws(KingletError) -> Duration
    )
      throws(KingletError)
    {
      var samples: [Double] = []
      for repetition in 0...plan.repetitions {
        let seconds = try pass() / .seconds(1)
        if repetition > 0 { samples.append(Double(length) / seconds) }
        passes += 1
        progress(Double(passes) / Double(plan.passCount))
      }
      result.tests.append(
        Test(
          name: name, threads: threads, tokensPerSecond: Rate(samples),
          weightBytesPerToken: decoder.weightByteCountPerToken,
          matmulFlopPerToken: decoder.matmulOperationCountPerToken))
    }

    for threads in plan.threads {
      compute.threads = threads
      let decoder = decoder.computing(compute)
      // Tokens all over the vocabulary, the same in every run.
      let ids = (0..<max(plan.promptLength, plan.generatedLength + 1)).map {
        Int32(($0 * 7919 + 13) % decoder.vocabularySize)
      }
      if plan.promptLength > 0 {
        try measure("pp\(plan.promptLength)", decoder, threads, plan.promptLength) { () throws(KingletError) in
          let cache = try decoder.makeCache(capacity: plan.promptLength, type: cacheType)
          let start = clock.now
          try decoder.forward(ids[..<plan.promptLength], cache: cache, logits: &logits, isCancelled: isCancelled)
          return start.duration(to: clock.now)
        }
      }
      if plan.generatedLength > 0 {
        try measure("tg\(plan.generatedLength)", decoder, threads, plan.generatedLength) { () throws(KingletError) in
          let cache = try decoder.makeCache(capacity: plan.generatedLength + 1, type: cacheType)
          try decoder.forward(ids[..<1], cache: cache, logits: &logits)
          let start = clock.now
          for position in 1...plan.generatedLength {
            try decoder.forward(ids[position...position], cache: cache, logits: &logits, isCancelled: isCancelled)
          }
          return start.duration(to: clock.now)
        }
      }
    }
    result.peakMemoryBytes = Machine.peakMemoryByteCount
    return result
  }
}
