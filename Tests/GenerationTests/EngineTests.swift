import KingletErrors
import Synchronization
import Testing

@testable import KingletGeneration

private func request(
  _ prompt: [Int32], _ options: GenerationOptions = .init(), end: Set<Int32> = [0], text: Letters = Letters()
) -> GenerationRequest {
  GenerationRequest(prompt: prompt, options: options, endOfGeneration: end, text: text)
}

/// The answer that `FakeModel` must give, by running it without an engine.
private func reference(_ prompt: [Int32], count: Int, vocabularySize: Int = 64) -> [Int32] {
  var context = prompt
  for _ in 0..<count {
    let row = hashedRow(context, vocabularySize: vocabularySize)
    context.append(Int32(row.indices.max { (row[$0], -$0) < (row[$1], -$1) } ?? 0))
  }
  return Array(context.dropFirst(prompt.count))
}

@Suite(.timeLimit(.minutes(15))) struct EngineTests {
  @Test func repliesWithTextTokensUsageAndTiming() async throws {
    let model = FakeModel.saying(letters("hello"), afterPromptOf: 3)
    let engine = try Engine(model: model, contextLength: 100, loadSeconds: 1.5)
    let reply = try await engine.generate(request([7, 8, 9])).collect()
    #expect(reply.text == "hello")
    #expect(reply.tokens == letters("hello"))
    #expect(reply.logProbabilities.isEmpty)
    #expect(reply.summary.finishReason == .stopToken)
    #expect(reply.summary.usage.promptTokens == 3)
    #expect(reply.summary.usage.reusedTokens == 0)
    #expect(reply.summary.usage.generatedTokens == 5)
    #expect(reply.summary.timing.load == 1.5)
    #expect(reply.summary.timing.firstToken >= reply.summary.timing.prefill)
    #expect(reply.summary.timing.decodeTokensPerSecond > 0)
    #expect(model.calls.first == .makeCache)
  }

  @Test func deltasComeOneByOneAndTheLastHasTheSummary() async throws {
    let engine = try Engine(model: FakeModel.saying(letters("abc"), afterPromptOf: 1), contextLength: 100)
    var deltas: [GenerationDelta] = []
    for try await delta in engine.generate(request([7])) { deltas.append(delta) }
    #expect(deltas.map(\.text) == ["a", "b", "c", ""])
    #expect(deltas.dropLast().allSatisfy { $0.summary == nil && $0.tokens.count == 1 })
    #expect(deltas.last?.summary?.finishReason == .stopToken)
  }

  // MARK: Ends

  @Test func maxTokens() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 100)
    for count in [0, 1, 17] {
      let reply = try await engine.generate(request([1, 2], .init(maxTokens: count), end: [])).collect()
      #expect(reply.tokens == reference([1, 2], count: count))
      #expect(reply.summary.finishReason == .length)
    }
  }

  @Test func aFullContextEndsTheAnswer() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 10)
    let reply = try await engine.generate(request([1, 2, 3], end: [])).collect()
    #expect(reply.summary.finishReason == .contextFull)
    // Seven fill the context; one more is sampled from its last position.
    #expect(reply.tokens == reference([1, 2, 3], count: 8))
    let full = try await engine.generate(request(Array(repeating: 5, count: 10), end: [])).collect()
    #expect(full.tokens.count == 1)
  }

  @Test func stopTokensOfTheCallerAndTheModel() async throws {
    let engine = try Engine(model: FakeModel.saying(letters("abcdef"), afterPromptOf: 1), contextLength: 20)
    let own = try await engine.generate(request([7], .init(stopTokens: [4]))).collect()
    #expect(own.text == "abc")
    #expect(own.summary.finishReason == .stopToken)
    let ignoring = try await engine.generate(
      request([7], .init(maxTokens: 6, ignoresEndOfGeneration: true), end: [3])
    ).collect()
    #expect(ignoring.text == "abcdef")
    let both = try await engine.generate(
      request([7], .init(stopTokens: [5], ignoresEndOfGeneration: true), end: [3])
    ).collect()
    #expect(both.text == "abcd")
  }

  @Test func stopStringsAcrossTokens() async throws {
    let engine = try Engine(model: FakeModel.saying(letters("onestoptwo"), afterPromptOf: 1), contextLength: 50)
    var texts: [String] = []
    var last: GenerationDelta?
    for try await delta in engine.generate(request([7], .init(stopStrings: ["stop", "xyz"]))) {
      texts.append(delta.text)
      last = delta
    }
    #expect(texts.joined() == "one")
    #expect(last?.summary?.finishReason == .stopString)
    #expect(last?.tokens == letters("stop"))
    #expect(last?.summary?.usage.generatedTokens == 7)
  }

  @Test func heldTextIsNotLostAtOtherEnds() async throws {
    let engine = try Engine(model: FakeModel.saying(letters("onesto"), afterPromptOf: 1), contextLength: 50)
    let reply = try await engine.generate(
      request([7], .init(stopStrings: ["stop"]), text: Letters(end: "\u{FFFD}"))
    ).collect()
    #expect(reply.text == "onesto\u{FFFD}")
    #expect(reply.tokens == letters("onesto"))
  }

  // MARK: Sampling

  @Test func sameSeedSameText() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 200)
    func text(_ seed: UInt64?) async throws -> Reply {
      let options = GenerationOptions(
        sampling: SamplingOptions(temperature: 1.2, topK: 30, topP: 0.95, minP: 0.01, seed: seed), maxTokens: 40)
      return try await engine.generate(request([3], options, end: [])).collect()
    }
    let first = try await text(5)
    #expect(try await text(5).tokens == first.tokens)
    #expect(try await text(6).tokens != first.tokens)
    let free = try await text(nil)
    #expect(try await text(free.summary.seed).tokens == free.tokens)
  }

  @Test func logProbabilitiesForEveryToken() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 50)
    let reply = try await engine.generate(request([3], .init(maxTokens: 9, logProbabilities: 2), end: [])).collect()
    #expect(reply.logProbabilities.map(\.token) == reply.tokens)
    #expect(reply.logProbabilities.allSatisfy { $0.best.count == 2 && $0.best[0].token == $0.token })
  }

  // MARK: Prompts

  @Test func longPromptsRunInChunks() async throws {
    let model = FakeModel()
    let engine = try Engine(model: model, contextLength: 2000)
    let prompt = (0..<600).map { Int32($0 % 60) }
    let reply = try await engine.generate(request(prompt, .init(maxTokens: 2), end: [])).collect()
    #expect(reply.tokens == reference(prompt, count: 2))
    #expect(
      model.forwardCalls == [
        .forward(at: 0, count: 256), .forward(at: 256, count: 256), .forward(at: 512, count: 88),
        .forward(at: 600, count: 1),
      ])
  }

  @Test func anOverlongPromptNamesBothNumbers() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 10)
    for truncation in [Truncation.error, .dropOldestTurns] {
      let stream = engine.generate(request(Array(repeating: 1, count: 11), .init(truncation: truncation)))
      let error = await #expect(throws: KingletError.self) { try await stream.collect() }
      #expect(error?.code == .contextOverflow)
      #expect(error?.message.contains("11") == true && error?.message.contains("10") == true)
    }
    // The engine goes on.
    #expect(try await engine.generate(request([1], .init(maxTokens: 3), end: [])).collect().tokens.count == 3)
  }

  @Test func truncationKeepsTheEndAndSaysWhatItDropped() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 20)
    let prompt = (1...40).map { Int32($0) }
    var long = request(prompt, .init(maxTokens: 3, truncation: .keepEnd), end: [])
    var reply = try await engine.generate(long).collect()
    #expect(reply.summary.usage.promptTokens == 17)
    #expect(reply.summary.usage.droppedTokens == 23)
    #expect(reply.tokens == reference(Array(prompt.suffix(17)), count: 3))

    long.fixedPrefix = 1
    long.droppedTokens = 100
    long.options.maxTokens = nil  // a quarter of the context
    reply = try await engine.generate(long).collect()
    #expect(reply.summary.usage.promptTokens == 15)
    #expect(reply.summary.usage.droppedTokens == 125)
    #expect(reply.tokens == reference([1] + prompt.suffix(14), count: 6))
  }

  @Test(arguments: [[], [64], [-1], [1, 2, .max]] as [[Int32]])
  func impossiblePromptsAreRefused(prompt: [Int32]) async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 10)
    let error = await #expect(throws: KingletError.self) { try await engine.generate(request(prompt)).collect() }
    #expect(error?.code == .invalidArgument)
  }

  @Test func impossibleOptionsAreRefused() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 10)
    for options in [
      GenerationOptions(maxTokens: -1), GenerationOptions(stopStrings: [""]), GenerationOptions(logProbabilities: -1),
      GenerationOptions(sampling: SamplingOptions(temperature: -1)),
    ] {
      let error = await #expect(throws: KingletError.self) {
        try await engine.generate(request([1], options)).collect()
      }
      #expect(error?.code == .invalidArgument)
    }
    #expect(throws: KingletError.self) { try Engine(model: FakeModel(), contextLength: 0) }
  }

  // MARK: Failures of the model

  @Test func aFailureReachesTheReaderAndTheSessionStartsAnew() async throws {
    let fails = Mutex(false)
    let model = FakeModel(onForward: { cached, _, _ throws(KingletError) in
      if cached == 5 && fails.withLock({ $0 }) { throw KingletError(.outOfMemory, "fake") }
    })
    let engine = try Engine(model: model, contextLength: 50)
    let session = engine.makeSession()
    fails.withLock { $0 = true }
    let stream = engine.generate(request([1, 2, 3], end: []), in: session)
    var tokens: [Int32] = []
    let error = await #expect(throws: KingletError.self) {
      for try await delta in stream { tokens += delta.tokens }
    }
    #expect(error?.code == .outOfMemory)
    #expect(tokens == reference([1, 2, 3], count: 3))
    fails.withLock { $0 = false }
    let again = try await engine.generate(request([1, 2, 3], .init(maxTokens: 4), end: []), in: session).collect()
    #expect(again.summary.usage.reusedTokens == 0)
    #expect(again.tokens == reference([1, 2, 3], count: 4))
  }

  @Test func aSessionOfAnotherEngineIsRefused() async throws {
    let one = try Engine(model: FakeModel(), contextLength: 10)
    let other = try Engine(model: FakeModel(), contextLength: 10)
    let stream = one.generate(request([1]), in: other.makeSession())
    await #expect(throws: KingletError.self) { try await stream.collect() }
  }
}

@Suite(.timeLimit(.minutes(15))) struct PrefixReuseTests {
  @Test func theNextTurnRunsOnlyWhatIsNew() async throws {
    let model = FakeModel()
    let engine = try Engine(model: model, contextLength: 100)
    let session = engine.makeSession()
    let first = try await engine.generate(request([1, 2, 3], .init(maxTokens: 4), end: []), in: session).collect()
    // All but the last generated token have been run.
    let prompt = [1, 2, 3] + first.tokens + [9, 10]
    let second = try await engine.generate(request(prompt, .init(maxTokens: 3), end: []), in: session).collect()
    #expect(second.summary.usage.reusedTokens == 6)
    #expect(second.tokens == reference(prompt, count: 3))
    #expect(model.calls.filter { $0 == .makeCache }.count == 1)
    #expect(model.forwardCalls.contains(.forward(at: 6, count: 3)))
    #expect(!model.calls.contains { if case .truncate = $0 { true } else { false } })
  }

  @Test func aDifferentMiddleIsCutOff() async throws {
    let model = FakeModel()
    let engine = try Engine(model: model, contextLength: 100)
    let session = engine.makeSession()
    _ = try await engine.generate(request([1, 2, 3, 4], .init(maxTokens: 2), end: []), in: session).collect()
    let reply = try await engine.generate(request([1, 2, 9, 4], .init(maxTokens: 2), end: []), in: session).collect()
    #expect(reply.summary.usage.reusedTokens == 2)
    #expect(reply.tokens == reference([1, 2, 9, 4], count: 2))
    #expect(model.calls.contains(.truncate(to: 2)))
  }

  @Test func theSamePromptAgainRunsItsLastToken() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 100)
    let session = engine.makeSession()
    for reused in [0, 3, 3] {
      let reply = try await engine.generate(request([1, 2, 3, 4], .init(maxTokens: 5), end: []), in: session).collect()
      #expect(reply.summary.usage.reusedTokens == reused)
      #expect(reply.tokens == reference([1, 2, 3, 4], count: 5))
    }
  }

  /// A sliding window that has lost the position resumes earlier, or from the start.
  @Test(arguments: [0, 1, 2])
  func aCacheThatCannotResumeThereRunsMore(resumable: Int) async throws {
    let engine = try Engine(model: FakeModel(resumable: { min($0, resumable) }), contextLength: 100)
    let session = engine.makeSession()
    _ = try await engine.generate(request([1, 2, 3, 4, 5], .init(maxTokens: 5), end: []), in: session).collect()
    let prompt: [Int32] = [1, 2, 3, 9]
    let reply = try await engine.generate(request(prompt, .init(maxTokens: 5), end: []), in: session).collect()
    #expect(reply.summary.usage.reusedTokens == resumable)
    #expect(reply.tokens == reference(prompt, count: 5))
  }

  @Test func sessionsAlternateWithoutMixing() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 200)
    let sessions = [engine.makeSession(), engine.makeSession()]
    var prompts: [[Int32]] = [[1, 2], [3, 4]]
    for turn in 0..<6 {
      let who = turn % 2
      let reply = try await engine.generate(
        request(prompts[who], .init(maxTokens: 5), end: []), in: sessions[who]
      ).collect()
      #expect(reply.tokens == reference(prompts[who], count: 5))
      #expect(reply.summary.usage.reusedTokens == (turn < 2 ? 0 : prompts[who].count - 3))
      prompts[who] += reply.tokens + [7, 8]
    }
  }

  @Test func cachesAreFreedWithTheirSessions() async throws {
    let model = FakeModel()
    let engine = try Engine(model: model, contextLength: 100)
    do {
      let session = engine.makeSession()
      _ = try await engine.generate(request([1], .init(maxTokens: 1), end: []), in: session).collect()
      #expect(!model.calls.contains(.free))
    }
    // The queue is in order: after this the release has been served.
    _ = try await engine.generate(request([1], .init(maxTokens: 1), end: [])).collect()
    #expect(model.calls.contains(.free))
    // And that one had a cache of its own, freed at its end; the next request comes after it.
    _ = try await engine.generate(request([1], .init(maxTokens: 1), end: [])).collect()
    #expect(model.calls.filter { $0 == .free }.count >= 2)
  }
}
