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

  @Test("Projections follow pooling, and a ranking head scores the first token")
  func heads() throws {
    let file = try GGUFFile(path: Fixtures.path("arch/bert/model.gguf"))
    var writer = GGUFWriter()
    for key in file.metadata.keys { writer[key] = file.metadata[key] }
    for tensor in file.tensors {
      let floats = file.withBytes(of: tensor) { Array($0.assumingMemoryBound(to: Float.self)) }
      try writer.addTensor(tensor.name, dimensions: tensor.dimensions, floats: floats)
    }
    func add(_ name: String, _ dimensions: [Int]) throws -> [Float] {
      let values = (0..<dimensions.reduce(1, *)).map { Float(($0 * 7 + name.count) % 13 - 6) / 20 }
      try writer.addTensor(name, dimensions: dimensions, floats: values)
      return values
    }
    let (first, second) = (try add("dense_2.weight", [64, 48]), try add("dense_3.weight", [48, 24]))
    let (dense, denseBias) = (try add("cls.weight", [64, 64]), try add("cls.bias", [64]))
    let (output, outputBias) = (try add("cls.output.weight", [64, 2]), try add("cls.output.bias", [2]))
    let plain = try Encoder.load(file)
    let encoder = try Encoder.load(GGUFFile(bytes: writer.encoded()))
    #expect(encoder.dimensions == 24 && encoder.canRank && !plain.canRank)

    func product(_ matrix: [Float], _ x: [Float], bias: [Float]? = nil) -> [Float] {
      (0..<matrix.count / x.count).map { row in
        zip(x, matrix[row * x.count..<(row + 1) * x.count]).reduce(bias?[row] ?? 0) { $0 + $1.0 * $1.1 }
      }
    }
    let sequences: [[Int32]] = [[2, 7, 9, 3], [2, 100, 3]]
    let (means, firsts) = (try plain.results(sequences, .mean), try plain.results(sequences, .cls))
    let (vectors, scores) = (try encoder.results(sequences, .mean), try encoder.results(sequences, .rank))
    for i in sequences.indices {
      #expect(normalizedError(vectors[i], product(second, product(first, means[i]))) < 1e-8)
      let hidden = product(dense, firsts[i], bias: denseBias).map { Float(tanh(Double($0))) }
      #expect(normalizedError(scores[i], product(output, hidden, bias: outputBias)) < 1e-8)
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
