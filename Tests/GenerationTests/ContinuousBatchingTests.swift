import KingletErrors
import Synchronization
import Testing

@testable import KingletGeneration

private func request(_ prompt: [Int32], _ options: GenerationOptions = .init()) -> GenerationRequest {
  GenerationRequest(prompt: prompt, options: options, text: Letters())
}

/// Many requests at a time, each of whose answers must be as if it were alone.
@Suite(.timeLimit(.minutes(15))) struct ContinuousBatchingTests {
  /// The answer of a model of its own.
  private func alone(_ prompt: [Int32], _ options: GenerationOptions) async throws -> [Int32] {
    try await Engine(model: FakeModel(), contextLength: 1000).generate(request(prompt, options)).collect().tokens
  }

  @Test func requestsOfAllKindsRunTogether() async throws {
    let gate = Gate()
    let passes = Mutex<[Int]>([])
    let model = FakeModel(
      onForward: { _, _, _ throws(KingletError) in gate.wait() },
      onSpans: { spans in passes.withLock { $0.append(spans.count) } })
    let engine = try Engine(model: model, contextLength: 1000, options: .init(maximumSequences: 4))
    let prompts = (0..<9).map { index in (0...index * 40).map { Int32(($0 * 7 + index) % 60) } }
    let options = (0..<9).map { index in
      GenerationOptions(
        sampling: SamplingOptions(temperature: index % 2 == 0 ? 0 : 1, seed: UInt64(index)), maxTokens: 3 + index * 5)
    }
    let streams = zip(prompts, options).map { engine.generate(request($0, $1)) }
    gate.open()
    for (index, stream) in streams.enumerated() {
      let reply = try await stream.collect()
      #expect(try await reply.tokens == alone(prompts[index], options[index]), "\(index)")
      #expect(reply.summary.finishReason == .length)
    }
    let counts = passes.withLock { $0 }
    #expect(counts.max() == 4, "four at once, and never more")
  }

  @Test func whoComesLaterJoinsAndWhoIsDoneLeaves() async throws {
    let model = FakeModel()
    let engine = try Engine(model: model, contextLength: 100_000, options: .init(streamCapacity: 1))
    var long = engine.generate(request([1], .init(maxTokens: 50_000))).makeAsyncIterator()
    _ = try await long.next()
    // The long one still runs: nobody waits for its end.
    for index in 0..<5 {
      let reply = try await engine.generate(request([Int32(index), 3], .init(maxTokens: 4))).collect()
      #expect(try await reply.tokens == alone([Int32(index), 3], .init(maxTokens: 4)))
      #expect(try await long.next()?.summary == nil)
    }
  }

  @Test func aSlowReaderHoldsUpNobodyElse() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 1000, options: .init(streamCapacity: 2))
    // Never read.
    let slow = engine.generate(request([1], .init(maxTokens: 500)))
    let quick = try await engine.generate(request([2], .init(maxTokens: 200))).collect()
    #expect(quick.tokens.count == 200)
    #expect(try await slow.collect().tokens == alone([1], .init(maxTokens: 500)))
  }

  @Test func aFailureOrACancellationTouchesOnlyItsOwn() async throws {
    let gate = Gate()
    let model = FakeModel(onForward: { cached, tokens, _ throws(KingletError) in
      gate.wait()
      // Only this prompt, whoever runs beside it.
      if tokens == [50] { throw KingletError(.outOfMemory, "fake") }
    })
    let engine = try Engine(model: model, contextLength: 100)
    let good = (0..<3).map { engine.generate(request([Int32($0), 9], .init(maxTokens: 12))) }
    let bad = engine.generate(request([50], .init(maxTokens: 12)))
    let cancelled = engine.generate(request([7, 8], .init(maxTokens: 90)))
    gate.open()
    cancelled.cancel()
    let error = await #expect(throws: KingletError.self) { try await bad.collect() }
    #expect(error?.code == .outOfMemory)
    #expect(try await cancelled.collect().summary.finishReason == .cancelled)
    for (index, stream) in good.enumerated() {
      #expect(try await stream.collect().tokens == alone([Int32(index), 9], .init(maxTokens: 12)))
    }
  }

  @Test func whoGetsNoMemoryForKeysFailsAlone() async throws {
    let model = FakeModel(onReserve: { cached, more throws(KingletError) in
      if cached + more > 8 { throw KingletError(.outOfMemory, "no pages") }
    })
    let engine = try Engine(model: model, contextLength: 100)
    let long = engine.generate(request([1, 2, 3, 4, 5], .init(maxTokens: 20)))
    let short = engine.generate(request([6], .init(maxTokens: 5)))
    #expect(try await short.collect().tokens.count == 5)
    let error = await #expect(throws: KingletError.self) { try await long.collect() }
    #expect(error == KingletError(.outOfMemory, "no pages"))
  }

  @Test func aSessionsRequestsWaitForEachOther() async throws {
    let gate = Gate()
    let model = FakeModel(onForward: { _, _, _ throws(KingletError) in gate.wait() })
    let engine = try Engine(model: model, contextLength: 100)
    let session = engine.makeSession()
    let streams = (0..<4).map { _ in engine.generate(request([1, 2, 3], .init(maxTokens: 4)), in: session) }
    gate.open()
    for (index, stream) in streams.enumerated() {
      let reply = try await stream.collect()
      #expect(try await reply.tokens == alone([1, 2, 3], .init(maxTokens: 4)))
      #expect(reply.summary.usage.reusedTokens == (index == 0 ? 0 : 2))
    }
    #expect(model.calls.filter { $0 == .makeCache }.count == 1)
  }

  @Test func promptsShareTheRoomBesideAnswers() async throws {
    let chunks = Mutex<[[Int]]>([])
    let gate = Gate()
    let model = FakeModel(
      onForward: { _, _, _ throws(KingletError) in gate.wait() },
      onSpans: { counts in chunks.withLock { $0.append(counts) } })
    let engine = try Engine(model: model, contextLength: 5000, options: .init(streamCapacity: 1000))
    let answer = engine.generate(request([1], .init(maxTokens: 100)))
    let prompts = (0..<2).map { index in (0..<700).map { Int32(($0 + index) % 60) } }
    let streams = prompts.map { engine.generate(request($0, .init(maxTokens: 1))) }
    gate.open()
    for (prompt, stream) in zip(prompts, streams) {
      #expect(try await stream.collect().tokens == alone(prompt, .init(maxTokens: 1)))
    }
    // In the first pass the answer's own prompt runs.
    let mixed = chunks.withLock { $0 }.dropFirst().filter { $0.count == 3 }
    #expect(!mixed.isEmpty && mixed.allSatisfy { $0[0] == 1 && $0[1] <= 32 && $0[2] <= 32 })
    #expect(try await answer.collect().tokens.count == 100)
  }

  // MARK: The budget

  /// The fake model's keys and values take a byte a token.
  @Test func whatCouldNeverFitIsRefusedWithBothNumbers() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 1000, options: .init(cacheByteBudget: 50))
    let error = await #expect(throws: KingletError.self) {
      try await engine.generate(request([1, 2], .init(maxTokens: 60))).collect()
    }
    #expect(error?.code == .outOfMemory)
    #expect(error?.message.contains("62") == true && error?.message.contains("50") == true)
    #expect(try await engine.generate(request([1, 2], .init(maxTokens: 48))).collect().tokens.count == 48)
  }

  @Test func whatDoesNotFitNowWaits() async throws {
    let most = Mutex(0)
    let gate = Gate()
    let model = FakeModel(
      onForward: { _, _, _ throws(KingletError) in gate.wait() },
      onSpans: { spans in most.withLock { $0 = max($0, spans.count) } })
    let engine = try Engine(model: model, contextLength: 100, options: .init(cacheByteBudget: 50))
    let streams = (0..<6).map { engine.generate(request([Int32($0)], .init(maxTokens: 19))) }
    gate.open()
    for stream in streams { #expect(try await stream.collect().tokens.count == 19) }
    #expect(most.withLock { $0 } == 2)
  }

  @Test func sessionsGiveWayOldestFirst() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 100, options: .init(cacheByteBudget: 50))
    let sessions = (0..<3).map { _ in engine.makeSession() }
    func ask(_ index: Int) async throws -> Reply {
      try await engine.generate(request([Int32(index), 1, 2, 3], .init(maxTokens: 16)), in: sessions[index]).collect()
    }
    // 19 tokens stay of each; a third needs room, and the first goes.
    for index in 0..<3 { #expect(try await ask(index).summary.usage.reusedTokens == 0) }
    #expect(try await ask(1).summary.usage.reusedTokens == 3)
    let again = try await ask(0)
    #expect(again.summary.usage.reusedTokens == 0)
    #expect(try await again.tokens == alone([0, 1, 2, 3], .init(maxTokens: 16)))
  }

  @Test func impossibleOptionsAreRefused() {
    for options in [EngineOptions(maximumSequences: 0), EngineOptions(cacheByteBudget: -1)] {
      #expect(throws: KingletError.self) { try Engine(model: FakeModel(), contextLength: 10, options: options) }
    }
  }
}
