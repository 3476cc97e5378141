import KingletErrors
import KingletTensors
import KingletTransformer

/// Runs the tests of a benchmark on one model, each sequence with a cache that is filled once for all tests.
struct Workbench {
  /// Keeps its activations from pass to pass, as an application does.
  private var decoder: Decoder
  private let caches: [KVCache]
  /// Adapters of which each generating sequence has one.
  private let apart: [AppliedAdapter]
  /// Tokens all over the vocabulary, the same in every run.
  private let ids: [Int32]
  private var logits: [Float] = []

  init(_ decoder: Decoder, _ plan: Benchmark.Plan, _ cacheType: KVType, apart: [AppliedAdapter]) throws(KingletError) {
    self.decoder = decoder
    let length = plan.tests.map { $0.start + $0.length }.max() ?? 1
    var caches: [KVCache] = []
    for _ in 0..<(plan.tests.map(\.parallel).max() ?? 1) {
      caches.append(try decoder.makeCache(capacity: length, type: cacheType))
    }
    self.caches = caches
    self.apart = apart
    ids = (0..<length).map { Int32(($0 * 7919 + 13) % decoder.vocabularySize) }
  }

  /// The time one pass takes; what comes before its first token is not timed.
  mutating func seconds(
    _ test: Benchmark.Plan.Test, _ isCancelled: () -> Bool
  ) throws(KingletError) -> Double {
    if decoder.options.compute.threads != test.threads {
      var compute = decoder.options.compute
      compute.threads = test.threads
      decoder = decoder.computing(compute)
    }
    for cache in caches.prefix(test.parallel) {
      let held = cache.truncate(to: test.start)
      if held < test.start {
        try decoder.forward(ids[held..<test.start], cache: cache, isCancelled: isCancelled)
      }
    }
    let clock = ContinuousClock()
    let begin = clock.now
    let timed = test.start..<test.start + test.length
    switch test.kind {
    case .prefill:
      try decoder.forward(ids[timed], cache: caches[0], logits: &logits, isCancelled: isCancelled)
    case .generation:
      for position in timed {
        let spans = caches.prefix(test.parallel).enumerated().map { index, cache in
          SequenceSpan(
            ids[position...position], cache: cache, wanted: .logits,
            adapters: apart.isEmpty ? [] : [apart[index % apart.count]])
        }
        try decoder.forward(spans, isCancelled: isCancelled) { (_, _) throws(KingletError) in }
      }
    }
    return begin.duration(to: clock.now) / .seconds(1)
  }
}
