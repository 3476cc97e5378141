import Foundation
import KingletEmbedding
import KingletErrors
import KingletGGUF
import KingletTestSupport
import KingletTransformer
import Testing

/// What becomes of texts on their way through a tiny random BERT, whose window is 128 tokens.
@Suite struct EmbedderTests {
  let encoder: Encoder
  let embedder: Embedder

  init() throws {
    encoder = try Encoder.load(
      GGUFFile(path: Fixtures.path("arch/bert/model.gguf")), compute: .init(matmul: .simd))
    embedder = Embedder(encoder, frame: TextFrame(prefix: [2], suffix: [3], separator: [3]))
  }

  static func text(_ count: Int, seed: Int = 0) -> [Int32] {
    (0..<count).map { Int32(($0 * 37 + seed * 101) % 500 + 5) }
  }

  private func embed(_ texts: [[Int32]], _ options: EmbeddingOptions = .init()) throws -> [Embedding] {
    var result: [Embedding] = []
    try embedder.embed(texts, options: options) { (index, embedding) throws(KingletError) in
      #expect(index == result.count, "in order")
      result.append(embedding)
    }
    return result
  }

  private func pooled(_ sequence: [Int32], _ pooling: Pooling = .mean) throws -> [Float] {
    var result: [Float] = []
    try encoder.forward([sequence], pooling: pooling) { result = $1 }
    return result
  }

  @Test("The frame stands around every text, also around none, and vectors have unit length")
  func frame() throws {
    let texts = [Self.text(5), [], Self.text(60, seed: 1)]
    for (text, embedding) in zip(texts, try embed(texts)) {
      let raw = try pooled([2] + text + [3])
      let length = raw.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(embedding.tokenCount == text.count + 2 && embedding.droppedTokenCount == 0 && embedding.windowCount == 1)
      #expect(zip(embedding.vector, raw).allSatisfy { abs(Double($0) - Double($1) / length) < 1e-6 })
    }
    #expect(try embed([texts[0]], .init(normalizes: false))[0].vector == pooled([2] + texts[0] + [3]))
  }

  @Test("A text has the same bits alone, among many, and across passes")
  func batches() throws {
    let texts = (0..<90).map { Self.text(($0 * 13) % 127, seed: $0) }
    let together = try embed(texts)
    for (text, embedding) in zip(texts, together) { #expect(try embed([text]) == [embedding]) }
  }

  @Test("Too long a text is an error with its index and both lengths")
  func overflow() throws {
    #expect(
      throws: KingletError(
        .contextOverflow, "text 1 has 129 tokens, the model's window 128",
        remedy: "Shorten it, or choose to truncate or to split.")
    ) { try embed([Self.text(3), Self.text(127)]) }
    #expect(try embed([Self.text(126)])[0].tokenCount == 128)
    #expect(throws: KingletError.self) { try embed([Self.text(9)], .init(window: 10)) }
  }

  @Test("Truncation keeps the beginning and the frame, and says what was dropped")
  func truncation() throws {
    let text = Self.text(200)
    let embedding = try embed([text], .init(overflow: .truncate))[0]
    #expect(embedding.droppedTokenCount == 74 && embedding.tokenCount == 128)
    #expect(embedding.vector == (try embed([Array(text.prefix(126))])[0].vector))
    #expect(try embed([text], .init(overflow: .truncate, window: 20))[0].droppedTokenCount == 182)
  }

  @Test("Splitting averages the windows by their lengths, wherever passes end")
  func splitting() throws {
    let text = Self.text(300)
    let options = EmbeddingOptions(normalizes: false, overflow: .split)
    // Others before it, so that its windows fall into two passes.
    let embedding = try embed([Self.text(100), Self.text(100), Self.text(100), text], options)[3]
    #expect(embedding.windowCount == 3 && embedding.tokenCount == 306 && embedding.droppedTokenCount == 0)
    let windows = try [0..<126, 126..<252, 252..<300].map { try pooled([2] + text[$0] + [3]) }
    for (i, value) in embedding.vector.enumerated() {
      let mean = (Double(windows[0][i]) * 126 + Double(windows[1][i]) * 126 + Double(windows[2][i]) * 48) / 300
      #expect(abs(Double(value) - mean) < 1e-5)
    }
  }

  @Test("Fewer dimensions are the first ones, scaled again")
  func dimensions() throws {
    let whole = try embed([Self.text(7)])[0].vector
    let part = try embed([Self.text(7)], .init(dimensions: 16))[0].vector
    let length = whole.prefix(16).reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(part.count == 16 && zip(part, whole).allSatisfy { abs(Double($0) - Double($1) / length) < 1e-6 })
    for wrong in [0, -1, 65] {
      #expect(throws: KingletError.self) { try embed([Self.text(7)], .init(dimensions: wrong)) }
    }
  }

  @Test("Poolings")
  func poolings() throws {
    let hidden = try pooled([2] + Self.text(6) + [3], .none)
    let rows = stride(from: 0, to: hidden.count, by: 64).map { Array(hidden[$0..<$0 + 64]) }
    #expect(rows.count == 8)
    let mean = (0..<64).map { i in rows.reduce(0) { $0 + $1[i] } / 8 }
    for (pooling, expected) in [(Pooling.none, hidden), (.mean, mean), (.cls, rows[0]), (.last, rows[7])] {
      let actual = try embed([Self.text(6)], .init(pooling: pooling, normalizes: false))[0].vector
      #expect(actual.count == expected.count && zip(actual, expected).allSatisfy { abs($0 - $1) < 1e-5 })
    }
    #expect(throws: KingletError.self) { try embed([Self.text(6)], .init(pooling: Pooling.none, dimensions: 8)) }
  }

  @Test("What the model cannot do is refused")
  func refusals() {
    #expect(throws: KingletError.self) { try embed([[5]], .init(pooling: .rank)) }
    #expect(throws: KingletError.self) { try embed([[5]], .init(window: 129)) }
    #expect(throws: KingletError.self) { try embed([[5]], .init(window: 2)) }
    #expect(throws: KingletError.self) { try embed([[600]]) }
    #expect(throws: KingletError.self) { try embedder.rank([[5]], for: [6]) { _, _, _ in } }
  }

  @Test("Cancellation keeps what has been given")
  func cancellation() {
    var count = 0
    #expect(throws: KingletError(.cancelled, "the forward pass was cancelled")) {
      try embedder.embed((0..<100).map { Self.text(100, seed: $0) }, isCancelled: { count >= 5 }) {
        (_, _) throws(KingletError) in count += 1
      }
    }
    #expect(count >= 5 && count < 20)
  }
}
