import KingletErrors
import KingletGGUF
import KingletTensors
import KingletTransformer

extension Benchmark {
  /// Loads the file and measures it. Prefill runs one prompt; generation runs single tokens, after one token at least.
  ///
  /// - Parameter adapters: makes those ready that are applied; where the plan has them apart, when tokens are generated.
  public static func run(
    _ file: GGUFFile, plan: Plan, compute: ComputeOptions = .init(), cacheType: KVType = .f16,
    adapters: (Decoder) throws(KingletError) -> [AppliedAdapter] = { _ in [] }, isCancelled: () -> Bool = { false },
    progress: (Double) -> Void = { _ in }
  ) throws(KingletError) -> Benchmark {
    try plan.validate()
    let clock = ContinuousClock()
    let start = clock.now
    var compute = compute
    compute.threads = plan.threads.max()
    var decoder = try Decoder.load(file, options: .init(compute: compute))
    let applied = try adapters(decoder)
    if !plan.adaptersApart { decoder = try decoder.adapted(by: applied) }
    let loaded = clock.now
    var logits: [Float] = []
    try decoder.forward([0], cache: decoder.makeCache(capacity: 1, type: cacheType), logits: &logits)
    var result = Benchmark(
      model: try file.metadata.string("general.name") ?? file.path, machine: .current,
      loadSeconds: start.duration(to: loaded) / .seconds(1),
      firstTokenSeconds: start.duration(to: clock.now) / .seconds(1), peakMemoryBytes: 0)

    let limits = LimitSamples(isWanted: plan.measuresRoofline)
    var bench = try Workbench(decoder, plan, cacheType, apart: plan.adaptersApart ? applied : [])
    for (index, test) in plan.tests.enumerated() {
      var rates: [Double] = []
      for repetition in 0...plan.repetitions {
        let seconds = try bench.seconds(test, isCancelled)
        if repetition > 0 { rates.append(Double(test.length * test.parallel) / seconds) }
        try limits.take(threads: test.threads)
        let done = Double(repetition + 1) / Double(plan.repetitions + 1)
        progress((Double(index) + done) / Double(plan.tests.count))
      }
      result.tests.append(Test(test, rates: rates, on: decoder, cacheType))
    }
    result.peakMemoryBytes = limits.peakMemoryWithoutThem
    if let limits = limits.medians { result.compare(with: limits) }
    return result
  }
}

extension Benchmark.Test {
  fileprivate init(_ test: Benchmark.Plan.Test, rates: [Double], on decoder: Decoder, _ cacheType: KVType) {
    name = test.name
    threads = test.threads
    tokensPerSecond = Benchmark.Rate(rates)
    switch test.kind {
    case .prefill:
      let cost = decoder.cost(of: test.length, after: test.start, cacheType: cacheType)
      weightBytesPerToken = cost.weightByteCount / test.length
      matmulFlopPerToken = cost.matmulOperationCount / test.length
      kvBytesPerToken = nil
    case .generation:
      // The token in the middle sees as much as all of them on average.
      let cost = decoder.cost(of: 1, after: test.start + test.length / 2, cacheType: cacheType)
      weightBytesPerToken = cost.weightByteCount / test.parallel
      matmulFlopPerToken = cost.matmulOperationCount
      kvBytesPerToken = test.depth > 0 ? cost.cacheByteCount : nil
    }
  }
}
