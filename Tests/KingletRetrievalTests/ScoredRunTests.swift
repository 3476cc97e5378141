import Testing

@testable import KingletRetrieval

struct ScoredRunTests {
  @Test func scoresAreInDeviations() {
    let run = ScoredRun(hits: [.init(id: 7, score: 5), .init(id: 3, score: 1)], mean: 3, deviation: 2, least: 1)
    #expect(run.standardized(5) == 1)
    #expect(run.standardized(nil) == -1, "what was not found is as bad as the worst that was")
    #expect(ScoredRun(mean: 4, deviation: 0).standardized(4) == 0, "equal scores say nothing")
  }

  @Test func ranksAndScoresOfSomeChunks() {
    let run = ScoredRun(hits: [.init(id: 7, score: 5), .init(id: 3, score: 2), .init(id: 4, score: 1)])
    #expect(run.ranks(of: [3, 4, 9]) == [3: 2, 4: 3])
    #expect(run.scores(of: [7, 9]) == [7: 5])
  }
}
