import KingletGGUF
import KingletTensors
import KingletTestSupport
import KingletTransformer
import Testing

/// The contract of batch invariance on the tiny models, whose weights are floats: it holds for the SIMD kernels.
@Suite struct BatchInvariance {
  private static let ids: [Int32] = (0..<300).map { Int32($0 * 37 % 509 + 3) }

  @Test(arguments: ["llama", "qwen2", "gemma3"], [KVType.f16, .q8_0])
  func logitsAreTheSameBits(_ name: String, _ type: KVType) throws {
    let expected = try load(name, threads: 1).allLogits(Self.ids, type: type)
    let decoder = try load(name, threads: 2)
    for chunk in [1, 7, 32, 512] {
      #expect(try decoder.allLogits(Self.ids, chunk: chunk, type: type) == expected, "chunks of \(chunk)")
    }
  }

  @Test(arguments: ["llama", "qwen2", "gemma3"], [KVType.f16, .q8_0])
  func aReusedPrefixChangesNothing(_ name: String, _ type: KVType) throws {
    let decoder = try load(name, threads: 2)
    var expected: [Float] = []
    try decoder.forward(Self.ids[...], cache: decoder.makeCache(capacity: 300, type: type), logits: &expected)

    let cache = try decoder.makeCache(capacity: 400, type: type)
    try decoder.forward(Self.ids[..<250] + [1, 2, 3, 4, 5, 6], cache: cache)
    #expect(cache.truncate(to: 250) == 250)
    var logits: [Float] = []
    try decoder.forward(Self.ids[250...], cache: cache, logits: &logits)
    #expect(logits == expected)
  }

  /// Gemma's window of 16 is long gone after 600 tokens: what cannot be resumed must not be resumed.
  @Test func aWindowThatHasMovedOnStartsAgain() throws {
    let decoder = try load("gemma3", threads: 2)
    let long = Self.ids + Self.ids + Self.ids
    let cache = try decoder.makeCache(capacity: long.count)
    try decoder.forward(long[...], cache: cache)
    #expect(cache.truncate(to: 880) == 880)
    #expect(cache.truncate(to: 20) == 0)
    #expect(cache.count == 0)

    var (again, fresh): ([Float], [Float]) = ([], [])
    try decoder.forward(Self.ids[...], cache: cache, logits: &again)
    try decoder.forward(Self.ids[...], cache: decoder.makeCache(capacity: 300), logits: &fresh)
    #expect(again == fresh)
  }

  private func load(_ name: String, threads: Int) throws -> Decoder {
    try Decoder.load(
      GGUFFile(path: Fixtures.path("arch/\(name)/model.gguf")),
      options: .init(compute: .init(threads: threads, matmul: .simd)))
  }
}
