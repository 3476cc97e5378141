import Foundation
import Kinglet
import KingletEvaluation
import KingletGGUF
import KingletTestSupport
import KingletTransformer
import Testing

/// Score, perplexity and benchmark on a tiny model, against the golden losses and a computation of their own.
@Suite struct MeasurementTests {
  private static let path = Fixtures.path("arch/llama/model.gguf")

  private struct Golden: Decodable {
    struct Prompt: Decodable {
      let ids: [Int32]
      let nll: Double
      let argmax: [Int32]
    }
    let prompts: [Prompt]
  }

  private func decoder() throws -> Decoder { try Decoder.load(GGUFFile(path: Self.path)) }

  @Test func theScoreIsTheGoldenOne() throws {
    let golden = try json(Golden.self, at: Fixtures.path("arch/llama/golden.json"))
    let decoder = try decoder()
    for prompt in golden.prompts {
      var rows = 0
      let score = try Score.measure(decoder, tokens: prompt.ids, top: 3, eachRow: { _ in rows += 1 })
      #expect(rows == prompt.ids.count)
      #expect(score.logProbabilities.count == prompt.ids.count && score.logProbabilities[0] == nil)
      #expect(abs(score.negativeLogLikelihood - prompt.nll) <= 1e-4 * max(1, prompt.nll))
      let top = try #require(score.top)
      #expect(top.map { $0.first?.token } == prompt.argmax)
      for candidates in top {
        let values = candidates.map { $0.logProbability }
        #expect(values.count == 3 && values == values.sorted(by: >))
      }
      for (position, id) in prompt.ids.dropFirst().enumerated() {
        guard let candidate = top[position].first(where: { $0.token == id }) else { continue }
        #expect(abs(candidate.logProbability - (score.logProbabilities[position + 1] ?? 0)) < 1e-9)
      }
    }
  }

  /// Chunks that do not overlap, each led by the beginning of sequence and run alone, the second half of each scored.
  @Test func perplexityFollowsItsProtocol() throws {
    let decoder = try decoder()
    let tokens = (0..<200).map { Int32($0 * 41 % 500 + 4) }
    let context = 64
    var seen: [Int] = []
    let result = try Perplexity.measure(
      decoder, tokens: tokens, context: context, beginningOfSequence: 1, cacheType: .f32,
      progress: { soFar, count in
        seen.append(soFar.chunks)
        #expect(count == 3)
      })
    #expect(seen == [1, 2, 3])
    var losses: [Double] = []
    for chunk in 0..<3 {
      var ids = Array(tokens[chunk * context..<(chunk + 1) * context])
      ids[0] = 1
      let score = try Score.measure(decoder, tokens: ids)
      losses += score.logProbabilities[(context / 2 + 1)...].map { -($0 ?? .nan) }
    }
    #expect(result.scoredTokens == losses.count)
    let mean = losses.reduce(0, +) / Double(losses.count)
    #expect(abs(result.perplexity - exp(mean)) < 1e-3 * exp(mean))
    let variance = losses.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(losses.count)
    let error = exp(mean) * (variance / Double(losses.count - 1)).squareRoot()
    #expect(abs(result.standardError - error) < 1e-3 * error)
    #expect(result.running.count == 3 && result.running.last == result.perplexity)
  }

  @Test func tooShortATextIsRefused() throws {
    let error = #expect(throws: KingletError.self) {
      try Perplexity.measure(decoder(), tokens: [1, 2, 3], context: 8)
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("3") == true && error?.message.contains("8") == true)
  }

  @Test func cancellation() throws {
    let error = #expect(throws: KingletError.self) {
      try Score.measure(decoder(), tokens: [1, 2, 3], isCancelled: { true })
    }
    #expect(error?.code == .cancelled)
  }
}
