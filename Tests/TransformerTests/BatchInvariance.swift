import KingletErrors
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

  @Test(
    "Sequences in one pass have the bits they have alone", arguments: ["llama", "qwen2", "gemma3"], [KVType.f16, .q8_0])
  func sequencesBesideOthers(_ name: String, _ type: KVType) throws {
    let decoder = try load(name, threads: 2)
    let alone = try load(name, threads: 1)
    // Sequence i has 40 i + 5 tokens; in each pass it runs 1 of them, or up to 60.
    let sequences = (0..<6).map { index in Array(Self.ids[(index * 3)..<(index * 43 + 5)]) }
    let expected = try sequences.map { try alone.allLogits($0, type: type) }
    let caches = try sequences.map { _ in try decoder.makeCache(capacity: 300, type: type) }
    var pass = 0
    while zip(sequences, caches).contains(where: { $0.count > $1.count }) {
      var spans: [SequenceSpan<KVCache>] = []
      var indices: [Int] = []
      for (index, tokens) in sequences.enumerated() where caches[index].count < tokens.count {
        let count = [1, 60, 7, 1, 2][(pass + index) % 5]
        let rest = tokens[caches[index].count...].prefix(count)
        spans.append(
          SequenceSpan(rest, cache: caches[index], wanted: [.logits, .mostLikely, .nothing][(pass + index) % 3]))
        indices.append(index)
      }
      var told = 0
      try decoder.forward(spans) { (i, output) throws(KingletError) in
        let (index, span) = (indices[i], spans[i])
        let end = span.tokens.endIndex * decoder.vocabularySize
        let row = Array(expected[index][end - decoder.vocabularySize..<end])
        switch output {
        case .logits(let logits): #expect(logits == row, "sequence \(index), pass \(pass)")
        case .mostLikely(let token): #expect(Int(token) == row.firstIndex(of: row.max() ?? 0))
        }
        told += 1
      }
      #expect(told == spans.count { $0.wanted != .nothing })
      pass += 1
    }
  }

  @Test func aPassThatCannotBeIsRefusedAndChangesNothing() throws {
    let decoder = try load("llama", threads: 2)
    let (a, b) = (try decoder.makeCache(capacity: 4), try decoder.makeCache(capacity: 300))
    let other = try decoder.makeCache(capacity: 300, type: .q8_0)
    let refused: [[SequenceSpan<KVCache>]] = [
      [.init([5], cache: a, wanted: .logits), .init([6], cache: a, wanted: .logits)],
      [.init([5], cache: b, wanted: .logits), .init([], cache: a, wanted: .nothing)],
      [.init([5], cache: b, wanted: .logits), .init([5], cache: other, wanted: .logits)],
      [.init([5], cache: b, wanted: .logits), .init([1, 2, 3, 4, 5], cache: a, wanted: .logits)],
      [.init([5], cache: b, wanted: .logits), .init([100_000], cache: a, wanted: .logits)],
    ]
    for spans in refused {
      #expect(throws: KingletError.self) {
        try decoder.forward(spans) { (_, _) throws(KingletError) in Issue.record("nothing is told") }
      }
      #expect(a.count == 0 && b.count == 0)
    }
    try decoder.forward([]) { (_, _) throws(KingletError) in Issue.record("nothing to run") }
  }

  private func load(_ name: String, threads: Int) throws -> Decoder {
    try Decoder.load(
      GGUFFile(path: Fixtures.path("arch/\(name)/model.gguf")),
      options: .init(compute: .init(threads: threads, matmul: .simd)))
  }
}
