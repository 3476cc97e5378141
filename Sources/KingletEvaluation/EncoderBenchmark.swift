import KingletEmbedding
import KingletErrors
import KingletGGUF
import KingletTensors
import KingletTransformer

/// How many texts an encoder turns into vectors on this machine, by their length and by how many come at once.
public struct EncoderBenchmark: Sendable, Equatable, Codable {
  /// What is to be measured: each length with each batch and each number of threads.
  public struct Plan: Sendable {
    /// Tokens of a text.
    public var lengths: [Int]
    /// Texts that come at once.
    public var batches: [Int]
    public var threads: [Int]
    /// How often each test is run and counted, after once that is not.
    public var repetitions: Int

    public init(lengths: [Int] = [16, 64, 256], batches: [Int] = [1, 32], threads: [Int], repetitions: Int = 3) {
      self.lengths = lengths
      self.batches = batches
      self.threads = threads
      self.repetitions = repetitions
    }

    func validate(_ encoder: Encoder) throws(KingletError) {
      guard repetitions > 0, !threads.isEmpty, !batches.isEmpty, (threads + batches).allSatisfy({ $0 > 0 }) else {
        throw KingletError(.invalidArgument, "repetitions, threads and batches are numbers from 1 on")
      }
      let longest = encoder.trainedContextLength
      guard !lengths.isEmpty, lengths.allSatisfy({ (1...longest).contains($0) }) else {
        throw KingletError(.invalidArgument, "lengths are numbers of tokens from 1 to \(longest)")
      }
    }
  }

  public struct Test: Sendable, Equatable, Codable {
    /// Tokens of each text.
    public let length: Int
    /// Texts at once.
    public let batch: Int
    public let threads: Int
    public let textsPerSecond: Benchmark.Rate
    public let tokensPerSecond: Benchmark.Rate
  }

  public let model: String
  public let machine: Machine
  public let loadSeconds: Double
  /// The most memory the process has had resident.
  public internal(set) var peakMemoryBytes: Int
  public internal(set) var tests: [Test] = []

  /// Loads the file and measures it.
  public static func run(
    _ file: GGUFFile, plan: Plan, compute: ComputeOptions = .init(), isCancelled: () -> Bool = { false },
    progress: (Double) -> Void = { _ in }
  ) throws(KingletError) -> EncoderBenchmark {
    let clock = ContinuousClock()
    let start = clock.now
    let loaded = try Encoder.load(file, compute: compute)
    try plan.validate(loaded)
    var result = EncoderBenchmark(
      model: try file.metadata.string("general.name") ?? file.path, machine: .current,
      loadSeconds: start.duration(to: clock.now) / .seconds(1), peakMemoryBytes: 0)
    let count = plan.threads.count * plan.lengths.count * plan.batches.count
    for threads in plan.threads {
      var compute = compute
      compute.threads = threads
      let embedder = Embedder(loaded.computing(compute), frame: TextFrame())
      for length in plan.lengths {
        for batch in plan.batches {
          let texts = (0..<batch).map { text in
            (0..<length).map { Int32(((text * length + $0) * 7919 + 13) % loaded.vocabularySize) }
          }
          var rates: [Double] = []
          for repetition in 0...plan.repetitions {
            let begin = clock.now
            try embedder.embed(texts, isCancelled: isCancelled) { (_, _) throws(KingletError) in }
            if repetition > 0 { rates.append(Double(batch) / (begin.duration(to: clock.now) / .seconds(1))) }
          }
          result.tests.append(
            Test(
              length: length, batch: batch, threads: threads, textsPerSecond: Benchmark.Rate(rates),
              tokensPerSecond: Benchmark.Rate(rates.map { $0 * Double(length) })))
          progress(Double(result.tests.count) / Double(count))
        }
      }
    }
    result.peakMemoryBytes = Machine.peakMemoryByteCount
    return result
  }
}
