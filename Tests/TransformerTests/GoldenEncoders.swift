import Foundation
import KingletErrors
import KingletGGUF
import KingletTensors
import KingletTestSupport
import KingletTransformer
import Testing

/// Tiny random encoders against the hidden states of HF transformers in float32.
@Suite struct GoldenEncoders {
  struct Golden: Decodable {
    struct Prompt: Decodable {
      let ids: [Int32]
      let hidden: String
      let pooled: String
    }
    let prompts: [Prompt]
    let pooling: String
  }

  static let committed = ["bert", "modern-bert"]

  @Test(arguments: committed, [ComputeOptions.Matmul.simd, .blas])
  func hiddenStates(_ name: String, _ matmul: ComputeOptions.Matmul) throws {
    try check(Fixtures.path("arch/\(name)"), matmul)
  }

  @Test(
    .enabled(if: Shared.isPresent, Comment(rawValue: Shared.reason)),
    arguments: ["xlm-roberta", "nomic-bert", "jina-bert-v2", "gemma-embedding", "qwen3-embedding"])
  func sharedHiddenStates(_ name: String) throws {
    try check(Shared.path("golden/arch/\(name)"), .simd)
  }

  private func check(_ folder: String, _ matmul: ComputeOptions.Matmul) throws {
    let golden = try json(Golden.self, at: folder + "/golden.json")
    let encoder = try Encoder.load(GGUFFile(path: folder + "/model.gguf"), compute: .init(matmul: matmul))
    #expect(encoder.description.pooling.rawValue == golden.pooling)
    let sequences = golden.prompts.map(\.ids)
    // All at once: nobody may see another.
    let hidden = try encoder.results(sequences, .none)
    let pooled = try encoder.results(sequences, encoder.description.pooling)
    for (i, prompt) in golden.prompts.enumerated() {
      let expected: [Float] = try numbers(at: "\(folder)/\(prompt.hidden)")
      #expect(hidden[i].count == expected.count)
      #expect(normalizedError(hidden[i], expected) < 1e-8)
      #expect(normalizedError(pooled[i], try numbers(at: "\(folder)/\(prompt.pooled)")) < 1e-8)
    }
  }

  @Test("A sequence has the same bits alone, among others, and on one thread", arguments: committed)
  func batchInvariance(_ name: String) throws {
    let folder = Fixtures.path("arch/\(name)")
    let golden = try json(Golden.self, at: folder + "/golden.json")
    let file = try GGUFFile(path: folder + "/model.gguf")
    let encoder = try Encoder.load(file, compute: .init(matmul: .simd))
    let alone = try Encoder.load(file, compute: .init(threads: 1, matmul: .simd))
    let sequences = (0..<3).flatMap { _ in golden.prompts.map(\.ids) }
    let together = try encoder.results(sequences, .mean)
    for (sequence, result) in zip(sequences, together) {
      #expect(try alone.results([sequence], .mean) == [result])
    }
  }

  @Test("What cannot be run is said, by index")
  func refusals() throws {
    let encoder = try Encoder.load(GGUFFile(path: Fixtures.path("arch/bert/model.gguf")))
    let long = [Int32](repeating: 5, count: 129)
    #expect(throws: KingletError(.contextOverflow, "sequence 1 has 129 tokens, the model takes 128")) {
      try encoder.results([[5], long], .mean)
    }
    #expect(throws: KingletError.self) { try encoder.results([[]], .mean) }
    #expect(throws: KingletError.self) { try encoder.results([[512]], .mean) }
    #expect(throws: KingletError.self) { try encoder.results([[-1]], .mean) }
    #expect(throws: KingletError.self) { try encoder.results([[5]], .rank) }
    #expect(try encoder.results([], .mean).isEmpty)
    #expect(throws: KingletError(.cancelled, "the forward pass was cancelled")) {
      try encoder.forward([[5]], pooling: .mean, isCancelled: { true }) { _, _ in }
    }
    #expect(throws: KingletError.self) { try Decoder.load(GGUFFile(path: Fixtures.path("arch/bert/model.gguf"))) }
  }
}

extension Encoder {
  fileprivate func results(_ sequences: [[Int32]], _ pooling: Pooling) throws -> [[Float]] {
    var results = [[Float]](repeating: [], count: sequences.count)
    try forward(sequences, pooling: pooling) { results[$0] = $1 }
    return results
  }
}
