import Foundation
import KingletErrors
import Testing

@testable import KingletGeneration

@Suite struct SamplerTests {
  private func sample(
    _ row: [Float], _ options: SamplingOptions, after history: [Int32] = [], count: Int = 1
  ) throws -> [Int32] {
    var sampler = try Sampler(options)
    var row = row
    return (0..<count).map { _ in sampler.next(&row, after: history).id }
  }

  /// How often each token is drawn.
  private func shares(_ row: [Float], _ options: SamplingOptions, count: Int = 20_000) throws -> [Double] {
    var shares = [Double](repeating: 0, count: row.count)
    for id in try sample(row, options, count: count) { shares[Int(id)] += 1 / Double(count) }
    return shares
  }

  @Test func splitMixFollowsThePublishedAlgorithm() {
    var random = SplitMix64(seed: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
    ]
    #expect(expected.allSatisfy { $0 == random.next() })
    #expect((0..<1000).allSatisfy { _ in (0..<1).contains(random.nextUnit()) })
  }

  @Test func exponentialIsCloseToTheSystems() {
    for step in 0...86_000 {
      let x = -Float(step) / 1000
      #expect(abs(Double(exponential(x)) - exp(Double(x))) <= 3e-7 * exp(Double(x)))
    }
    #expect(exponential(-1e30) == 0)
    #expect(exponential(-.infinity) == 0)
    #expect(exponential(.nan) == 0)
    #expect(exponential(3) == 1)
  }

  @Test func greedyTakesTheBestAndTheLowestIdOfEquals() throws {
    #expect(try sample([1, 3, 2], .greedy) == [1])
    #expect(try sample([1, 3, 2, 3], .greedy) == [1])
    #expect(try sample([0, 0, 0], .greedy) == [0])
  }

  @Test(arguments: [0, 0.7] as [Float])
  func whatIsNotANumberNeitherTrapsNorWins(temperature: Float) throws {
    let options = SamplingOptions(temperature: temperature, topK: 3, topP: 0.9, minP: 0.1, seed: 1)
    #expect(try sample([.nan, 1, .nan, -5], options) == [1])
    #expect(try sample([1, .infinity, 2], options) == [1])
    #expect(try sample([-.infinity, -.infinity, 1], options) == [2])
    #expect([0, 1, 2].contains(try sample([.nan, .nan, .nan], options)[0]))
    #expect([0, 1].contains(try sample([-.infinity, -.infinity], options)[0]))
    #expect(try sample([], options) == [0])
  }

  @Test func sameSeedSameTokens() throws {
    let row = hashedRow([5], vocabularySize: 500)
    for options in [
      SamplingOptions(temperature: 1, seed: 9), SamplingOptions(temperature: 2, topK: 40, topP: 0.9, seed: 9),
      SamplingOptions(temperature: 0.8, topP: 0.95, minP: 0.05, seed: 9),
    ] {
      #expect(try sample(row, options, count: 100) == sample(row, options, count: 100))
      var other = options
      other.seed = 10
      #expect(try sample(row, options, count: 100) != sample(row, other, count: 100))
    }
  }

  /// Pins the sequence itself: a change of the generator or of the draw would change everyone's seeded texts.
  @Test func aSeedMeansTheseTokens() throws {
    let row = (0..<10).map { Float($0) / 4 }
    #expect(
      try sample(row, SamplingOptions(temperature: 1, seed: 42), count: 8) == [8, 4, 5, 6, 1, 9, 4, 9])
  }

  @Test func withoutASeedATakenOneIsReported() throws {
    let row = hashedRow([6], vocabularySize: 100)
    var first = try Sampler(SamplingOptions(temperature: 1))
    var again = try Sampler(SamplingOptions(temperature: 1, seed: first.seed))
    var (left, right) = (row, row)
    for _ in 0..<50 { #expect(first.next(&left, after: []) == again.next(&right, after: [])) }
  }

  @Test func temperatureShapesTheDistribution() throws {
    let row: [Float] = [0, 1, 2]
    for temperature in [0.5, 1, 2] as [Float] {
      let weights = row.map { exp(Double($0 / temperature)) }
      let total = weights.reduce(0, +)
      let shares = try shares(row, SamplingOptions(temperature: temperature, seed: 3))
      for (share, weight) in zip(shares, weights) { #expect(abs(share - weight / total) < 0.015) }
    }
    // So cold that only the best is left, and no overflow on the way.
    #expect(
      try sample(row, SamplingOptions(temperature: .leastNormalMagnitude, seed: 3), count: 20)
        == Array(repeating: 2, count: 20))
  }

  @Test func topKKeepsTheBest() throws {
    let row: [Float] = [1, 5, 2, 4, 3]
    let shares = try shares(row, SamplingOptions(temperature: 3, topK: 2, seed: 3))
    #expect(shares[1] > 0 && shares[3] > 0)
    #expect(shares[0] + shares[2] + shares[4] == 0)
    // Of equals, the lowest ids.
    let ties = try self.shares([1, 1, 1, 1], SamplingOptions(temperature: 1, topK: 2, seed: 3))
    #expect(ties[0] > 0.4 && ties[1] > 0.4 && ties[2] + ties[3] == 0)
    // More than there are: all.
    #expect(try self.shares(row, SamplingOptions(temperature: 3, topK: 100, seed: 3)).allSatisfy { $0 > 0 })
  }

  @Test(arguments: [1, 2, 3, 7, 64, 299, 300, 301])
  func partialSelectionEqualsSorting(count: Int) {
    // Many ties on purpose.
    let row = hashedRow([8], vocabularySize: 300).map { $0.rounded() }
    let sorted = row.indices.sorted { row[$0] > row[$1] || (row[$0] == row[$1] && $0 < $1) }
    #expect(Candidates(best: count, of: row).items.map { Int($0.id) } == Array(sorted.prefix(count)))
    var all = Candidates(all: row)
    all.keepBest(count)
    #expect(all.items == Candidates(best: count, of: row).items)
  }

  @Test func topPKeepsTheNucleus() throws {
    // 0.5, 0.25, 0.125, 0.125
    let row: [Float] = [0.125, 0.5, 0.125, 0.25].map { Float(log($0)) }
    func kept(_ mass: Float) -> [Int32] {
      var candidates = Candidates(all: row)
      TopP(mass: mass).apply(to: &candidates)
      return candidates.items.map(\.id)
    }
    #expect(kept(0.01) == [1])
    #expect(kept(0.499) == [1])
    #expect(kept(0.6) == [1, 3])
    #expect(kept(0.8) == [1, 3, 0])
    #expect(kept(0.99) == [1, 3, 0, 2])
  }

  @Test func topPOfAFlatVocabularyNeedsMoreThanAFew() {
    let row = [Float](repeating: 0, count: 1000)
    var candidates = Candidates(all: row)
    TopP(mass: 0.5).apply(to: &candidates)
    #expect(candidates.items.map(\.id) == Array(0..<500))
    var sorted = Candidates(best: 900, of: row)
    TopP(mass: 0.5).apply(to: &sorted)
    #expect(sorted.items.map(\.id) == Array(0..<450))
  }

  @Test func minPIsRelativeToTheBest() throws {
    let row: [Float] = [0.1, 0.5, 0.3, 0.02].map { Float(log($0)) }
    var candidates = Candidates(all: row)
    MinP(share: 0.3).apply(to: &candidates)
    #expect(candidates.items.map(\.id) == [1, 2])
    candidates = Candidates(all: row)
    MinP(share: 1).apply(to: &candidates)
    #expect(candidates.items.map(\.id) == [1])
  }

  @Test func repetitionPenaltyActsOnceOnTheWindow() throws {
    let options = SamplingOptions(repetitionPenalty: 2, repetitionWindow: 2)
    #expect(try sample([4, 3, 1], options, after: [0]) == [1])
    #expect(try sample([4, 3, 1], options, after: [0, 0]) == [1])  // 2, not 1
    #expect(try sample([4, 1.5, 1], options, after: [0, 0]) == [0])
    #expect(try sample([4, 3, 1], options, after: [0, 1, 2]) == [0])  // 0 has left the window
    #expect(try sample([-1, -1.5, -9], options, after: [0]) == [1])  // below zero it multiplies
    #expect(try sample([4, 3, 1], options, after: [-7, 99]) == [0])  // strangers are ignored
  }

  @Test func theRowComesBackAsItWas() throws {
    let row = hashedRow([4], vocabularySize: 200)
    for temperature in [0, 0.9] as [Float] {
      var sampler = try Sampler(
        SamplingOptions(temperature: temperature, topK: 20, repetitionPenalty: 1.3, seed: 1), logProbabilities: 3)
      var scratch = row
      _ = sampler.next(&scratch, after: [1, 2, 3, 4])
      #expect(scratch == row)
    }
  }

  @Test func logProbabilitiesAreTheModelsOwn() throws {
    let probabilities = [0.1, 0.6, 0.3]
    var row = probabilities.map { Float(log($0)) + 3 }
    var sampler = try Sampler(SamplingOptions(repetitionPenalty: 9), logProbabilities: 2)
    let token = sampler.next(&row, after: [1])
    #expect(token.id == 2)
    let result = try #require(token.logProbability)
    #expect(result.token == 2)
    #expect(abs(result.logProbability - Float(log(0.3))) < 1e-5)
    #expect(result.best.map(\.token) == [1, 2])
    #expect(abs(result.best[0].logProbability - Float(log(0.6))) < 1e-5)
    var plain = try Sampler(.greedy)
    #expect(plain.next(&row, after: []).logProbability == nil)
  }

  @Test(arguments: [
    SamplingOptions(temperature: -1), SamplingOptions(temperature: .nan), SamplingOptions(temperature: .infinity),
    SamplingOptions(topK: 0), SamplingOptions(topK: -3), SamplingOptions(topP: 0), SamplingOptions(topP: 1.1),
    SamplingOptions(topP: .nan), SamplingOptions(minP: -0.1), SamplingOptions(minP: 2),
    SamplingOptions(repetitionPenalty: 0), SamplingOptions(repetitionPenalty: .nan),
    SamplingOptions(repetitionWindow: -1),
  ])
  func impossibleOptionsAreRefused(options: SamplingOptions) {
    #expect { try Sampler(options) } throws: { ($0 as? KingletError)?.code == .invalidArgument }
  }
}
