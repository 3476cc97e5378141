import Foundation
import Kinglet
import KingletEvaluation
import KingletGGUF
import KingletTensors
import KingletTestSupport
import KingletTransformer
import Testing

/// What the benchmark runs and reports; never how fast.
@Suite struct BenchmarkTests {
  private func file() throws -> GGUFFile { try GGUFFile(path: Fixtures.path("arch/llama/model.gguf")) }

  @Test func itMeasuresWhatItWasAsked() throws {
    let plan = Benchmark.Plan(promptLength: 24, generatedLength: 4, threads: [1, 2], repetitions: 2)
    var last = 0.0
    let result = try Benchmark.run(file(), plan: plan, progress: { last = $0 })
    #expect(last == 1)
    #expect(result.tests.map(\.name) == ["pp24", "tg4", "pp24", "tg4"])
    #expect(result.tests.map(\.threads) == [1, 1, 2, 2])
    for test in result.tests {
      let rate = test.tokensPerSecond
      #expect(0 < rate.min && rate.min <= rate.median && rate.median <= rate.max)
      #expect(test.shareOfRead == nil && test.shareOfSgemm == nil && test.kvBytesPerToken == nil)
    }
    #expect(result.roofline == nil && result.rooflines == nil)
    #expect(result.loadSeconds > 0 && result.firstTokenSeconds >= result.loadSeconds)
    #expect(result.peakMemoryBytes > 1 << 20)
  }

  @Test func sharesFollowFromTheRoofline() throws {
    let plan = Benchmark.Plan(
      promptLength: 8, generatedLength: 4, depths: [0, 20], threads: [1], repetitions: 1, measuresRoofline: true)
    let result = try Benchmark.run(file(), plan: plan)
    let limits = try #require(result.roofline)
    #expect(result.rooflines == [limits] && limits.threads == 1)
    #expect(limits.readRate > 0 && limits.sgemmRate > 0)
    #expect(result.tests.map(\.name) == ["pp8", "tg4", "pp8 @ d20", "tg4 @ d20"])
    for test in result.tests {
      let rate = test.tokensPerSecond.median
      let bytes = Double(test.weightBytesPerToken + (test.kvBytesPerToken ?? 0))
      #expect(test.shareOfRead == rate / 1e9 * bytes / limits.readRate)
      #expect(test.shareOfSgemm == rate / 1e9 * Double(test.matmulFlopPerToken) / limits.sgemmRate)
      #expect((test.shareOfInt8 == nil) == (limits.int8Rate == nil))
    }
  }

  @Test func theJSONHasTheNamesThatOthersRead() throws {
    let plan = Benchmark.Plan(
      promptLength: 0, generatedLength: 2, depths: [3], threads: [1], repetitions: 1, measuresRoofline: true)
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let data = try encoder.encode(Benchmark.run(file(), plan: plan))
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let names = [
      "model", "machine", "roofline", "rooflines", "load_seconds", "first_token_seconds", "peak_memory_bytes", "tests",
    ]
    #expect(Set(object.keys) == Set(names))
    let roofline = try #require(object["roofline"] as? [String: Any])
    #expect(Set(roofline.keys).subtracting(["int8_gop_per_s"]) == ["threads", "read_gb_per_s", "sgemm_gflop_per_s"])
    let test = try #require((object["tests"] as? [[String: Any]])?.first)
    #expect(test["name"] as? String == "tg2 @ d3")
    #expect(
      Set(test.keys).subtracting(["share_of_int8"]) == [
        "name", "threads", "tokens_per_second", "weight_bytes_per_token", "matmul_flop_per_token",
        "kv_bytes_per_token", "share_of_read", "share_of_sgemm",
      ])
  }

  /// Weights are read once for each chunk; the head is computed for the last token only.
  @Test func costs() throws {
    let decoder = try Decoder.load(file())
    let d = decoder.description
    let (one, many) = (decoder.cost(of: 1), decoder.cost(of: 100))
    let head = 2 * d.vocabularySize * d.hiddenSize
    let width = d.headCount * d.headSize + 2 * d.keyHeadCount * d.headSize
    let layer = 2 * d.hiddenSize * (width + d.headCount * d.headSize + 3 * d.feedForwardSize)
    #expect(one.matmulOperationCount == head + d.layers.count * layer)
    #expect(many.matmulOperationCount == head + 100 * d.layers.count * layer)
    #expect(many.weightByteCount == one.weightByteCount)
    #expect(decoder.cost(of: Decoder.chunkLength + 1).weightByteCount > one.weightByteCount)
    // Keys and values of every layer, two bytes each; this model's heads are whole vectors.
    let position = 2 * 2 * d.layers.count * d.keyHeadCount * d.headSize
    #expect(decoder.cost(of: 1, after: 9).cacheByteCount >= 10 * position)
    #expect(decoder.cost(of: 1, after: 19).cacheByteCount == 2 * decoder.cost(of: 1, after: 9).cacheByteCount)
    #expect(
      decoder.cost(of: 2, after: 9).cacheByteCount
        == decoder.cost(of: 1, after: 9).cacheByteCount + decoder.cost(of: 1, after: 10).cacheByteCount)
  }

  @Test(arguments: [
    Benchmark.Plan(promptLength: 0, generatedLength: 0, threads: [1]), .init(promptLength: -1, threads: [1]),
    .init(threads: []), .init(threads: [0]), .init(threads: [1], repetitions: 0), .init(depths: [], threads: [1]),
    .init(depths: [-1], threads: [1]), .init(depths: [Int.max], threads: [1]),
    .init(promptLength: Int.max, generatedLength: Int.max, threads: [1]),
  ])
  func impossiblePlans(_ plan: Benchmark.Plan) throws {
    #expect(throws: KingletError.self) { try Benchmark.run(file(), plan: plan) }
  }
}

/// Both paths of the products of a model.
@Suite struct MatmulComparisonTests {
  @Test func everyTypeAndShapeIsCompared() throws {
    let file = try GGUFFile(path: Fixtures.path("arch/llama/model.gguf"))
    let result = try MatmulComparison.run(file, tokens: [9, 1], repetitions: 1, compute: .init(threads: 2))
    let shapes = Set(file.tensors.filter { $0.dimensions.count == 2 }.map { "\($0.type.name) \($0.dimensions)" })
    #expect(Set(result.products.map { "\($0.type) [\($0.columns), \($0.rows)]" }) == shapes)
    for product in result.products {
      #expect(product.simdRate.min > 0 && product.simdReadRate > 0)
      #expect((product.blasRate != nil) == (product.tokens > 1 && ComputeOptions.hasBLAS))
      #expect(product.tokens > 1 || (!product.autoTakesBlas && product.isAutoRight))
    }
    #expect(result.products.last?.tokens == 1)
    #expect(result.roofline.threads == 2)
  }

  @Test(arguments: [([Int](), 1), ([0], 1), ([1 << 20], 1), ([8], 0)])
  func impossibleOnes(_ tokens: [Int], _ repetitions: Int) throws {
    let file = try GGUFFile(path: Fixtures.path("arch/llama/model.gguf"))
    #expect(throws: KingletError.self) { try MatmulComparison.run(file, tokens: tokens, repetitions: repetitions) }
  }
}
