import Foundation
import KingletAdapters
import KingletErrors
import KingletGGUF
import KingletTensors
import KingletTestSupport
import KingletTransformer
import Testing

/// Adapters of every kind against the logits of PEFT in float32 (`golden/lora`).
@Suite(.timeLimit(.minutes(15)), .enabled(if: Shared.isPresent, Comment(rawValue: Shared.reason))) struct GoldenAdapters
{
  struct Golden: Decodable {
    struct Prompt: Decodable {
      let ids: [Int32]
      let logits: String?
      let greedy: [Int32]?
      let top_ids: String?
      let top_values: String?
    }
    struct Greedy: Decodable {
      let prompt: Int
      let ids: [Int32]
    }
    let prompts: [Prompt]
    let greedy: Greedy?
    let base: String
  }

  static let root = Shared.path("golden/lora")
  static let tiny: [String] = ((try? FileManager.default.contentsOfDirectory(atPath: root + "/tiny")) ?? []).sorted()
  static let real: [String] = ((try? FileManager.default.contentsOfDirectory(atPath: root + "/smollm2")) ?? []).sorted()

  private static func adapter(_ folder: String) throws -> Adapter {
    let file = folder + "/adapter.gguf"
    return try Adapter(contentsOf: FileManager.default.fileExists(atPath: file) ? file : folder)
  }

  @Test(arguments: tiny) func tinyModels(_ name: String) throws {
    let folder = Self.root + "/tiny/" + name
    let golden = try json(Golden.self, at: folder + "/golden.json")
    let decoder = try Decoder.load(
      GGUFFile(path: Shared.path("golden/" + golden.base)), options: .init(compute: .init(matmul: .simd)))
    let adapter = try decoder.adapter(Self.adapter(folder).updates)
    for prompt in golden.prompts {
      let expected: [Float] = try numbers(at: folder + "/" + (prompt.logits ?? ""))
      let logits = try decoder.allLogits(prompt.ids, [adapter.scaled(1)])
      #expect(normalizedError(logits, expected) < 1e-8)
      let plain = try decoder.allLogits(prompt.ids, [])
      #expect(try decoder.allLogits(prompt.ids, [adapter.scaled(0)]) == plain, "of no strength")
      #expect(normalizedError(plain, expected) > 1e-3, "it does change something")
    }
    guard let greedy = golden.greedy else { return }
    #expect(try decoder.greedy(golden.prompts[greedy.prompt].ids, greedy.ids.count, [adapter.scaled(1)]) == greedy.ids)
  }

  @Test(.enabled(if: RealModel.smollm2.isPresent, "needs SmolLM2"), arguments: real)
  func smollm2(_ name: String) throws {
    let folder = Self.root + "/smollm2/" + name
    let golden = try json(Golden.self, at: folder + "/golden.json")
    let file = try GGUFFile(path: RealModel.smollm2.path)
    let decoder = try Decoder.load(file, options: .init(compute: .init(activations: .f32)))
    let adapter = try decoder.adapter(Self.adapter(folder).updates)
    var (positions, equal) = (0, 0)
    for (index, prompt) in golden.prompts.enumerated() {
      let ids: [Int32] = try numbers(at: "\(folder)/top_ids_\(index).i32")
      let values: [Float] = try numbers(at: "\(folder)/top_values_\(index).f32")
      let logits = try decoder.allLogits(prompt.ids, [adapter.scaled(1)])
      let rounded = try decoder.computing(.init()).allLogits(prompt.ids, [adapter.scaled(1)])
      let (width, count) = (decoder.vocabularySize, ids.count / prompt.ids.count)
      for row in prompt.ids.indices {
        for k in row * count..<(row + 1) * count {
          #expect(abs(logits[row * width + Int(ids[k])] - values[k]) < 2e-3)
        }
        let best = rounded[row * width..<(row + 1) * width]
        positions += 1
        if best.firstIndex(of: best.max() ?? 0).map({ $0 - row * width }) == Int(ids[row * count]) { equal += 1 }
      }
      // In float every token takes all weights to be dequantised: a few will do.
      if let greedy = prompt.greedy?.prefix(8) {
        #expect(try decoder.greedy(prompt.ids, greedy.count, [adapter.scaled(1)]) == Array(greedy))
      }
    }
    #expect(Double(equal) >= 0.93 * Double(positions), "\(equal) of \(positions) with 8-bit activations")
  }
}

extension Decoder {
  func allLogits(_ ids: [Int32], _ adapters: [AppliedAdapter]) throws -> [Float] {
    var result: [Float] = []
    try forward(ids[...], cache: makeCache(capacity: ids.count, type: .f32), adapters: adapters) { _, row in
      result += copy(row)
    }
    return result
  }

  func greedy(_ ids: [Int32], _ count: Int, _ adapters: [AppliedAdapter]) throws -> [Int32] {
    let cache = try makeCache(capacity: ids.count + count, type: .f32)
    var (next, result): ([Int32], [Int32]) = (ids, [])
    for _ in 0..<count {
      let span = SequenceSpan(next[...], cache: cache, wanted: .mostLikely, adapters: adapters)
      try forward([span]) { (_, output) throws(KingletError) in
        if case .mostLikely(let token) = output { next = [token] }
      }
      result += next
    }
    return result
  }
}

private func copy(_ row: borrowing [Float]) -> [Float] { row.withUnsafeBufferPointer { Array($0) } }
