import KingletErrors

extension Benchmark {
  /// What is to be measured.
  public struct Plan: Sendable {
    /// Tokens of a prefill; 0 leaves it out.
    public var promptLength: Int
    /// Tokens generated one at a time; 0 leaves them out.
    public var generatedLength: Int
    /// Tokens that the context holds before a test begins.
    public var depths: [Int]
    public var threads: [Int]
    /// Sequences that are generated at once, each of `generatedLength` tokens.
    public var parallel: [Int]
    /// Whether each of those sequences has one of the adapters, in turn, rather than all of them.
    public var adaptersApart: Bool
    /// How often each test is run and counted, after once that is not.
    public var repetitions: Int
    /// Whether the machine's limits are measured as well.
    public var measuresRoofline: Bool

    public init(
      promptLength: Int = 512, generatedLength: Int = 64, depths: [Int] = [0], threads: [Int], parallel: [Int] = [1],
      adaptersApart: Bool = false, repetitions: Int = 3, measuresRoofline: Bool = false
    ) {
      self.promptLength = promptLength
      self.generatedLength = generatedLength
      self.depths = depths
      self.threads = threads
      self.parallel = parallel
      self.adaptersApart = adaptersApart
      self.repetitions = repetitions
      self.measuresRoofline = measuresRoofline
    }

    /// One test with one number of threads.
    struct Test: Equatable {
      enum Kind: String { case prefill = "pp", generation = "tg" }
      let kind: Kind
      let length: Int
      let depth: Int
      let threads: Int
      /// Sequences at once.
      let parallel: Int

      /// As llama-bench writes it, so that tables can be laid side by side.
      var name: String {
        "\(kind.rawValue)\(length)" + (parallel > 1 ? " x \(parallel)" : "") + (depth > 0 ? " @ d\(depth)" : "")
      }
      /// Tokens before those that are timed: an answer begins after one at least.
      var start: Int { kind == .generation ? max(depth, 1) : depth }
    }

    /// Depth by depth, so that a context is filled once for all numbers of threads.
    var tests: [Test] {
      depths.flatMap { depth in
        threads.flatMap { threads in
          ([(Test.Kind.prefill, promptLength, 1)] + parallel.map { (.generation, generatedLength, $0) })
            .filter { $0.1 > 0 }
            .map { Test(kind: $0.0, length: $0.1, depth: depth, threads: threads, parallel: $0.2) }
        }
      }
    }

    func validate() throws(KingletError) {
      guard promptLength >= 0, generatedLength >= 0, promptLength > 0 || generatedLength > 0 else {
        throw KingletError(.invalidArgument, "there is nothing to measure: both lengths are 0 or less")
      }
      guard repetitions > 0 else { throw KingletError(.invalidArgument, "at least one repetition is needed") }
      guard !threads.isEmpty, threads.allSatisfy({ $0 > 0 }) else {
        throw KingletError(.invalidArgument, "at least one thread is needed")
      }
      guard !parallel.isEmpty, parallel.allSatisfy({ 1...256 ~= $0 }) else {
        throw KingletError(.invalidArgument, "from 1 to 256 sequences run at once")
      }
      let most = 1 << 24
      guard !depths.isEmpty, depths.allSatisfy({ 0...most ~= $0 }), max(promptLength, generatedLength) <= most else {
        throw KingletError(.invalidArgument, "depths and lengths are numbers of tokens up to \(most)")
      }
    }
  }
}
