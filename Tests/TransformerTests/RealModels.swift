import Foundation
import KingletGGUF
import KingletTensors
import KingletTestSupport
import KingletTransformer
import Testing

/// Published models against transformers in float32 on exactly dequantised weights.
///
/// One model at a time (`.serialized`): together they would take a gigabyte.
@Suite(.serialized, .enabled(if: Shared.isPresent, Comment(rawValue: Shared.reason)))
struct RealModels {
  struct Golden: Decodable {
    struct Prompt: Decodable {
      let name: String
      let ids: [Int32]
      let nll: Double
      let greedy: [Int32]
      let smallest_gap: Float
      let positions_step: Int
      let rows: Int
      let k: Int
      let top_ids: String
      let top_values: String
    }
    let prompts: [Prompt]
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let model: RealModel
    let folder: String
    /// Largest difference of a logit with float activations.
    let tolerance: Float
    var testDescription: String { folder }
  }

  static let cases = [
    Case(model: .smollm2, folder: "smollm2", tolerance: 2e-3),
    Case(model: .gemma3, folder: "gemma3", tolerance: 5e-3),
    Case(model: .qwen2, folder: "qwen2", tolerance: 2e-3),
  ].filter(\.model.isPresent)

  /// Float activations: every one of the 32 largest logits, every argmax, and the greedy continuation.
  @Test(arguments: cases)
  func exact(_ test: Case) throws {
    let decoder = try load(test.model, .f32)
    for prompt in try golden(test).prompts {
      let (ids, values) = try top(prompt, test)
      // Feeding the expected continuation and comparing argmax at each position is the same as generating it.
      let fed = prompt.ids + prompt.greedy.dropLast()
      let cache = try decoder.makeCache(capacity: fed.count, type: .f32)
      var (worst, nll, differing, astray): (Float, Double, Int, Int) = (0, 0, 0, 0)
      try decoder.forward(fed[...], cache: cache) { position, row in
        let best = indexOfMaximum(row)
        if position >= prompt.ids.count - 1 {
          if best != Int(prompt.greedy[position - prompt.ids.count + 1]) { astray += 1 }
        } else {
          nll -= logProbability(row, of: Int(prompt.ids[position + 1]))
        }
        guard position < prompt.ids.count, position % prompt.positions_step == 0 else { return }
        let expected = position / prompt.positions_step * prompt.k
        if best != Int(ids[expected]) { differing += 1 }
        for i in expected..<expected + prompt.k { worst = max(worst, abs(row[Int(ids[i])] - values[i])) }
      }
      print("\(test.folder) \(prompt.name): largest difference \(worst), nll \(nll) (\(prompt.nll))")
      #expect(worst <= test.tolerance, "\(prompt.name)")
      #expect(differing == 0, "\(prompt.name)")
      if prompt.smallest_gap > 2 * worst { #expect(astray == 0, "\(prompt.name)") }
      #expect(abs(nll - prompt.nll) <= 1e-4 * prompt.nll)
    }
  }

  /// 8-bit activations: the argmax at 95 % of all positions, the summed loss within 1 %.
  @Test(arguments: cases)
  func rounded(_ test: Case) throws {
    let decoder = try load(test.model, .int8)
    var (agreeing, positions, nll, expectedNLL) = (0, 0, 0.0, 0.0)
    for prompt in try golden(test).prompts {
      let (ids, _) = try top(prompt, test)
      let cache = try decoder.makeCache(capacity: prompt.ids.count, type: .f32)
      try decoder.forward(prompt.ids[...], cache: cache) { position, row in
        if position + 1 < prompt.ids.count { nll -= logProbability(row, of: Int(prompt.ids[position + 1])) }
        guard position % prompt.positions_step == 0 else { return }
        positions += 1
        if indexOfMaximum(row) == Int(ids[position / prompt.positions_step * prompt.k]) { agreeing += 1 }
      }
      expectedNLL += prompt.nll
    }
    print("\(test.folder): argmax \(agreeing) of \(positions), nll \(nll) (\(expectedNLL))")
    #expect(Double(agreeing) >= 0.95 * Double(positions))
    #expect(abs(nll - expectedNLL) <= 0.01 * expectedNLL)
  }

  /// The contract of batch invariance, on the bits of logits: threads, chunks and reused prefixes change nothing.
  @Test(arguments: cases)
  func batchInvariance(_ test: Case) throws {
    let prompt = try #require(try golden(test).prompts.first { $0.name == "long" })
    let ids = Array(prompt.ids.prefix(600))
    let expected = try lastLogits(load(test.model, .int8, threads: 1), ids, chunk: 512)
    let decoder = try load(test.model, .int8, threads: 2)
    for chunk in [7, 32, 512] {
      #expect(try lastLogits(decoder, ids, chunk: chunk) == expected, "chunks of \(chunk)")
    }
    #expect(try lastLogits(decoder, ids, chunk: 512, tail: 40) == expected, "single tokens at the end")

    let cache = try decoder.makeCache(capacity: 1024)
    try decoder.forward(ids[..<500] + [1, 2, 3, 4, 5], cache: cache)
    #expect(cache.truncate(to: 500) == 500)
    var logits: [Float] = []
    try decoder.forward(ids[500...], cache: cache, logits: &logits)
    #expect(logits == expected, "a reused prefix")
  }

  private func lastLogits(_ decoder: Decoder, _ ids: [Int32], chunk: Int, tail: Int = 0) throws -> [Float] {
    let cache = try decoder.makeCache(capacity: ids.count)
    var logits: [Float] = []
    var done = 0
    while done < ids.count {
      let length = done < ids.count - tail ? min(chunk, ids.count - tail - done) : 1
      try decoder.forward(ids[done..<done + length], cache: cache, logits: &logits)
      done += length
    }
    return logits
  }

  private func load(
    _ model: RealModel, _ activations: ComputeOptions.ActivationType, threads: Int? = nil
  ) throws -> Decoder {
    try Decoder.load(
      GGUFFile(path: model.path), options: .init(compute: .init(threads: threads, activations: activations)))
  }

  private func golden(_ test: Case) throws -> Golden {
    try json(at: Shared.path("golden/real/\(test.folder)/golden.json"))
  }

  private func top(_ prompt: Golden.Prompt, _ test: Case) throws -> ([Int32], [Float]) {
    let folder = Shared.path("golden/real/\(test.folder)/")
    return (try numbers(at: folder + prompt.top_ids), try numbers(at: folder + prompt.top_values))
  }
}

private func logProbability(_ row: borrowing [Float], of id: Int) -> Double {
  var maximum = -Float.infinity
  for value in copy row { maximum = max(maximum, value) }
  var sum = 0.0
  for value in copy row { sum += exp(Double(value - maximum)) }
  return Double(row[id] - maximum) - log(sum)
}

private func indexOfMaximum(_ row: borrowing [Float]) -> Int { indexOfMaximum((copy row)[...]) }
