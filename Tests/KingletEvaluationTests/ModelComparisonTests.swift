import Foundation
import Kinglet
import KingletEvaluation
import KingletGGUF
import KingletTestSupport
import KingletTransformer
import Testing

@Suite struct ModelComparisonTests {
  private let tokens = (0..<200).map { Int32($0 * 41 % 500 + 4) }

  private func decoder(_ name: String = "llama") throws -> Decoder {
    try Decoder.load(GGUFFile(path: Fixtures.path("arch/\(name)/model.gguf")))
  }

  @Test func aModelDoesNotDepartFromItself() throws {
    let decoder = try decoder()
    var seen: [Int] = []
    let result = try ModelComparison.measure(
      decoder, decoder, tokens: tokens, context: 64, beginningOfSequence: 1,
      progress: { soFar, count in
        seen.append(soFar.chunks)
        #expect(count == 3)
      })
    let perplexity = try Perplexity.measure(
      decoder, tokens: tokens, context: 64, beginningOfSequence: 1, cacheType: .f32)
    #expect(seen == [1, 2, 3])
    #expect(result.meanDivergence == 0 && result.largestDivergence == 0 && result.topAgreement == 1)
    #expect(abs(result.referencePerplexity - perplexity.perplexity) < 1e-9 * perplexity.perplexity)
    #expect(result.perplexity == result.referencePerplexity)
    #expect(result.scoredTokens == perplexity.scoredTokens && result.chunks == 3 && result.context == 64)
  }

  /// Against a computation of its own, on whole chunks.
  @Test func divergenceFollowsItsDefinition() throws {
    let (reference, other) = (try decoder(), try decoder("llama-tied"))
    try #require(reference.vocabularySize == other.vocabularySize)
    let result = try ModelComparison.measure(reference, other, tokens: tokens, context: 48)
    var divergences: [Double] = []
    var agreements = 0
    for chunk in 0..<4 {
      let ids = Array(tokens[chunk * 48..<(chunk + 1) * 48])
      let rows = (try rows(reference, ids), try rows(other, ids))
      for position in 24..<47 {
        let (p, q) = (logProbabilities(rows.0[position]), logProbabilities(rows.1[position]))
        divergences.append(zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) })
        agreements += p.indices.max { p[$0] < p[$1] } == q.indices.max { q[$0] < q[$1] } ? 1 : 0
      }
    }
    let mean = divergences.reduce(0, +) / Double(divergences.count)
    #expect(mean > 0)
    #expect(result.scoredTokens == divergences.count)
    #expect(abs(result.meanDivergence - mean) < 1e-5 * mean)
    #expect(abs(result.largestDivergence - (divergences.max() ?? 0)) < 1e-5 * result.largestDivergence)
    #expect(result.topAgreement == Double(agreements) / Double(divergences.count))
  }

  @Test func whatCannotBeComparedIsRefused() throws {
    let decoder = try decoder()
    #expect(throws: KingletError.self) { try ModelComparison.measure(decoder, decoder, tokens: tokens, context: 201) }
    #expect(throws: KingletError.self) { try ModelComparison.measure(decoder, decoder, tokens: tokens, context: 3) }
    #expect {
      try ModelComparison.measure(decoder, decoder, tokens: tokens, context: 64, isCancelled: { true })
    } throws: {
      ($0 as? KingletError)?.code == .cancelled
    }
  }

  private func rows(_ decoder: Decoder, _ ids: [Int32]) throws -> [[Float]] {
    var rows: [[Float]] = []
    let cache = try decoder.makeCache(capacity: ids.count, type: .f32)
    try decoder.forward(ids[...], cache: cache) { (_, row) throws(KingletError) in rows.append(copy row) }
    return rows
  }

  private func logProbabilities(_ row: [Float]) -> [Double] {
    let top = Double(row.max() ?? 0)
    let sum = row.reduce(0) { $0 + exp(Double($1) - top) }
    return row.map { Double($0) - top - log(sum) }
  }
}
