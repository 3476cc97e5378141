import Foundation
import KingletErrors
import KingletGGUF
import KingletTensors
import KingletTestSupport
import KingletTransformer
import Testing

/// Tiny random models against the logits of HF transformers in float32.
@Suite struct GoldenArchitectures {
  struct Golden: Decodable {
    struct Prompt: Decodable {
      let ids: [Int32]
      let logits: String
      let argmax: [Int]
      let nll: Double
    }
    struct Greedy: Decodable {
      let prompt: Int
      let ids: [Int32]
      let smallest_gap: Float
    }
    let prompts: [Prompt]
    let greedy: Greedy
  }

  @Test(
    arguments: ["llama", "llama-tied", "qwen2", "gemma3"], [ComputeOptions.Matmul.simd, .blas])
  func logits(_ name: String, _ matmul: ComputeOptions.Matmul) throws {
    let folder = Fixtures.path("arch/\(name)")
    let golden = try json(Golden.self, at: folder + "/golden.json")
    let decoder = try Decoder.load(
      GGUFFile(path: folder + "/model.gguf"), options: .init(compute: .init(matmul: matmul)))
    for prompt in golden.prompts {
      let expected = try numbers(Float.self, at: "\(folder)/\(prompt.logits)")
      let actual = try decoder.allLogits(prompt.ids)
      #expect(actual.count == expected.count)
      #expect(normalizedError(actual, expected) < 1e-8)
      #expect(decoder.rows(actual).map(indexOfMaximum) == prompt.argmax)
      #expect(abs(negativeLogLikelihood(decoder.rows(actual), prompt.ids) - prompt.nll) <= 1e-4 * max(1, prompt.nll))
    }
  }

  @Test("A cache of bytes moves logits little", arguments: ["llama", "llama-tied", "qwen2", "gemma3"])
  func roundedCache(_ name: String) throws {
    let folder = Fixtures.path("arch/\(name)")
    let golden = try json(Golden.self, at: folder + "/golden.json")
    let decoder = try Decoder.load(GGUFFile(path: folder + "/model.gguf"))
    for prompt in golden.prompts {
      let expected = try numbers(Float.self, at: "\(folder)/\(prompt.logits)")
      let actual = try decoder.allLogits(prompt.ids, type: .q8_0)
      let error = normalizedError(actual, expected)
      // Random weights attend to everything, and so feel the rounding more than trained ones.
      #expect(error > 0 && error < 1e-3, "\(error)")
      #expect(abs(negativeLogLikelihood(decoder.rows(actual), prompt.ids) - prompt.nll) <= 5e-3 * max(1, prompt.nll))
    }
  }

  @Test(arguments: ["llama", "llama-tied", "qwen2", "gemma3"])
  func greedy(_ name: String) throws {
    let folder = Fixtures.path("arch/\(name)")
    let golden = try json(Golden.self, at: folder + "/golden.json")
    let decoder = try Decoder.load(GGUFFile(path: folder + "/model.gguf"))
    let prompt = golden.prompts[golden.greedy.prompt].ids
    #expect(try decoder.greedy(prompt, count: 16) == golden.greedy.ids)
    // The same without a row of logits.
    let cache = try decoder.makeCache(capacity: prompt.count + 16, type: .f32)
    var tokens = prompt
    for _ in 0..<16 {
      let span = SequenceSpan(tokens[cache.count...], cache: cache, wanted: .mostLikely)
      try decoder.forward([span]) { (_, output) throws(KingletError) in
        if case .mostLikely(let token) = output { tokens.append(token) }
      }
    }
    #expect(tokens[prompt.count...] == golden.greedy.ids[...])
  }
}
