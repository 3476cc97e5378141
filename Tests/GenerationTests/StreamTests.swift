import KingletErrors
import Synchronization
import Testing

@testable import KingletGeneration

private func endless(_ prompt: [Int32] = [1], _ options: GenerationOptions = .init()) -> GenerationRequest {
  GenerationRequest(prompt: prompt, options: options, text: Letters())
}

/// Cancellation, back-pressure and order, without a clock: the fake model waits at gates.
@Suite(.timeLimit(.minutes(15))) struct StreamTests {
  @Test func cancelledInTheMiddleOfThePrompt() async throws {
    let reached = Gate()
    let model = FakeModel(onForward: { cached, _, isCancelled throws(KingletError) in
      // The second chunk: layers go by until someone cancels.
      if cached == 256 && !reached.isOpen {
        reached.open()
        while !isCancelled() {}
      }
    })
    let engine = try Engine(model: model, contextLength: 5000)
    let session = engine.makeSession()
    let prompt = (0..<2000).map { Int32($0 % 50) }
    let stream = engine.generate(endless(prompt), in: session)
    await reached.opened()
    stream.cancel()
    let reply = try await stream.collect()
    #expect(reply.summary.finishReason == .cancelled)
    #expect(reply.tokens.isEmpty)
    #expect(model.forwardCalls.count == 2)
    // The chunk that was done is not done again.
    let next = try await engine.generate(endless(Array(prompt.prefix(300)), .init(maxTokens: 1)), in: session).collect()
    #expect(next.summary.usage.reusedTokens == 256)
  }

  @Test func cancelledInTheMiddleOfTheAnswer() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 100_000, options: .init(streamCapacity: 4))
    let stream = engine.generate(endless())
    var count = 0
    var summary: GenerationSummary?
    for try await delta in stream {
      count += delta.tokens.count
      if count == 5 { stream.cancel() }
      summary = delta.summary
    }
    #expect(summary?.finishReason == .cancelled)
    #expect(summary?.usage.generatedTokens == count)
  }

  @Test func cancellingTheTaskCancelsTheWork() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 1_000_000)
    let started = Gate()
    let task = Task {
      var summary: GenerationSummary?
      for try await delta in engine.generate(endless()) {
        started.open()
        summary = delta.summary
      }
      return summary
    }
    await started.opened()
    task.cancel()
    #expect(try await task.value?.finishReason == .cancelled)
  }

  @Test func lettingGoOfTheStreamCancelsTheWork() async throws {
    let model = FakeModel()
    let engine = try Engine(model: model, contextLength: 1_000_000, options: .init(streamCapacity: 2))
    do {
      let stream = engine.generate(endless())
      for try await _ in stream { break }
    }
    // Would wait for ever if the first still ran, or stood before a full buffer.
    let reply = try await engine.generate(endless([2], .init(maxTokens: 3))).collect()
    #expect(reply.tokens.count == 3)
    #expect(model.forwardCalls.count < 100)
  }

  @Test func cancelledInTheQueueNeverStarts() async throws {
    let gate = Gate()
    let model = FakeModel(onForward: { _, tokens, _ throws(KingletError) in if tokens == [40] { gate.wait() } })
    let engine = try Engine(model: model, contextLength: 100)
    let first = engine.generate(endless([40], .init(maxTokens: 1)))
    let second = engine.generate(endless([41]))
    second.cancel()
    // It ends although the first is still at work.
    let reply = try await second.collect()
    #expect(reply.summary.finishReason == .cancelled)
    #expect(reply.summary.usage.promptTokens == 0)
    gate.open()
    _ = try await first.collect()
    _ = try await engine.generate(endless([42], .init(maxTokens: 1))).collect()
    #expect(model.forwardCalls.count == 2)
  }

  @Test func theEngineWaitsForASlowReader() async throws {
    let model = FakeModel()
    let engine = try Engine(model: model, contextLength: 1000, options: .init(streamCapacity: 3))
    let stream = engine.generate(endless([1], .init(maxTokens: 200)))
    var iterator = stream.makeAsyncIterator()
    var taken = 0
    while let delta = try await iterator.next(), delta.summary == nil {
      taken += 1
      // At most: those taken, three in the buffer, one in hand, and the step for the next.
      #expect(model.forwardCalls.count <= taken + 5)
      await Task.yield()
    }
    #expect(taken == 200)
  }

  @Test func requestsAreServedInOrder() async throws {
    let order = Mutex<[Int32]>([])
    let gate = Gate()
    let model = FakeModel(onForward: { cached, tokens, _ throws(KingletError) in
      gate.wait()
      if cached == 0 { order.withLock { $0.append(tokens[0]) } }
    })
    let engine = try Engine(model: model, contextLength: 100)
    let streams = (0..<20).map { engine.generate(endless([Int32($0)], .init(maxTokens: 2))) }
    gate.open()
    for stream in streams { #expect(try await stream.collect().tokens.count == 2) }
    #expect(order.withLock { $0 } == (0..<20).map(Int32.init))
  }

  @Test func manyReadersAtOnce() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 100, options: .init(streamCapacity: 1))
    let totals = try await withThrowingTaskGroup(of: Int.self) { group in
      for index in 0..<50 {
        group.addTask {
          try await engine.generate(endless([Int32(index)], .init(maxTokens: index))).collect().tokens.count
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(totals == (0..<50).reduce(0, +))
  }

  @Test func theStreamKeepsTheEngine() async throws {
    func stream() throws -> GenerationStream {
      try Engine(model: FakeModel(), contextLength: 100).generate(endless([1], .init(maxTokens: 9)))
    }
    #expect(try await stream().collect().tokens.count == 9)
  }

  @Test func theThreadEndsWithTheEngine() async throws {
    final class Witness: Sendable {
      let gone: Gate
      init(_ gone: Gate) { self.gone = gone }
      deinit { gone.open() }
    }
    let gone = Gate()
    do {
      let witness = Witness(gone)
      let model = FakeModel(onForward: { _, _, _ throws(KingletError) in _ = witness })
      let engine = try Engine(model: model, contextLength: 10)
      _ = try await engine.generate(endless([1], .init(maxTokens: 1))).collect()
    }
    await gone.opened()
  }

  @Test func aStreamIsReadOnce() async throws {
    let engine = try Engine(model: FakeModel(), contextLength: 10)
    let stream = engine.generate(endless([1], .init(maxTokens: 1)))
    _ = try await stream.collect()
    let error = await #expect(throws: KingletError.self) { try await stream.collect() }
    #expect(error?.code == .invalidArgument)
    for try await _ in stream { Issue.record("nothing was left") }
  }

  @Test func observersSeeWhatTheReaderTakes() async throws {
    let seen = Mutex("")
    let engine = try Engine(model: FakeModel.saying(letters("hello"), afterPromptOf: 1), contextLength: 50)
    let stream = engine.generate(endless([1], .init(maxTokens: 5))).observed { delta in
      seen.withLock { $0 += delta.text }
    }
    #expect(try await stream.collect().text == "hello")
    #expect(seen.withLock { $0 } == "hello")
  }

  @Test func aFailingStreamFails() async {
    let stream = GenerationStream(failing: KingletError(.template, "no"))
    let error = await #expect(throws: KingletError.self) { try await stream.collect() }
    #expect(error == KingletError(.template, "no"))
  }
}
