import KingletTestSupport
import KingletTransformer
import Testing

@testable import Kinglet

/// What is remembered of a conversation belongs to the adapters it was run with.
@Suite(.timeLimit(.minutes(15))) struct AdapterSessionTests {
  private static func adapter(_ model: LanguageModel, seed: UInt64, invocation: [Int32] = []) throws -> LoadedAdapter {
    var random = SeededRandom(seed)
    let updates = (0..<3).map { layer in
      AdapterUpdate(
        tensor: "blk.\(layer).attn_v", rank: 2, a: random.floats(2 * 64, deviation: 0.3),
        b: random.floats(2 * 32, deviation: 0.3), scale: 1, rowOrder: .stored)
    }
    return try model.decoder.adapter(updates, invocation: invocation)
  }

  private func options(_ adapters: [AppliedAdapter]) -> GenerationOptions {
    GenerationOptions(maxTokens: 8, ignoresEndOfGeneration: true, logProbabilities: 0, adapters: adapters)
  }

  /// The tokens and the bits of their probabilities.
  private func bits(_ reply: Reply) -> [Double] {
    zip(reply.tokens, reply.logProbabilities).flatMap { [Double($0), Double($1.logProbability)] }
  }

  @Test func nothingOfOneAdapterReachesAnother() async throws {
    let model = try await ToyModel.load(options: .init(compute: .init(matmul: .simd)))
    let (a, b) = (try Self.adapter(model, seed: 1), try Self.adapter(model, seed: 2))
    let sets = [[a.scaled(1)], [b.scaled(1)], [], [a.scaled(0.5)], [a.scaled(1), b.scaled(1)], [a.scaled(1)], []]
    let session = ChatSession(model)
    var seen: [[Double]] = []
    for adapters in sets {
      let reply = try await session.respond("One, two, three?", options: options(adapters))
      let fresh = ChatSession(model, history: Array(session.history.dropLast(2)))
      let again = try await fresh.respond("One, two, three?", options: options(adapters))
      #expect(again.summary.usage.reusedTokens == 0 && reply.summary.usage.reusedTokens == 0)
      #expect(bits(reply) == bits(again))
      seen.append(bits(reply))
    }
    #expect(Set(seen.prefix(5)).count == 5)
    // With the same adapters it does remember.
    let next = try await session.respond("Four?", options: options([]))
    #expect(next.summary.usage.reusedTokens > 0)
  }

  @Test func whatComesBeforeTheInvocationIsReused() async throws {
    let model = try await ToyModel.load(options: .init(compute: .init(matmul: .simd)))
    let activated = try Self.adapter(model, seed: 3, invocation: [300, 301])
    let session = model.engine.makeSession()
    let prompt: [Int32] = (0..<60).map { $0 * 7 % 250 }
    func reply(_ tokens: [Int32], _ adapters: [AppliedAdapter], isFresh: Bool = false) async throws -> Reply {
      let request = model.request(tokens, options(adapters))
      return try await model.engine.generate(request, in: isFresh ? nil : session).collect()
    }
    _ = try await reply(prompt, [])
    let marked = prompt + [300, 301, 5, 6]
    let judged = try await reply(marked, [activated.scaled(1)])
    #expect(judged.summary.usage.reusedTokens == 60, "the base's keys and values up to the invocation")
    #expect(bits(judged) == bits(try await reply(marked, [activated.scaled(1)], isFresh: true)))
    #expect(bits(judged) != bits(try await reply(marked, [], isFresh: true)))
    // And the other way round.
    let plain = try await reply(marked + [8], [])
    #expect(plain.summary.usage.reusedTokens == 60)
    #expect(bits(plain) == bits(try await reply(marked + [8], [], isFresh: true)))
  }

  @Test func eightAtATimeAreAsEachAlone() async throws {
    let model = try await ToyModel.load(options: .init(compute: .init(matmul: .simd)))
    let adapters = try (0..<8).map { try Self.adapter(model, seed: UInt64(10 + $0)) }
    let prompts: [[Int32]] = (0..<8).map { index in (0...index * 9).map { Int32(($0 * 5 + index) % 250) } }
    let streams = zip(prompts, adapters).map { model.generate(tokens: $0, options: options([$1.scaled(1)])) }
    var together: [[Double]] = []
    for stream in streams { together.append(bits(try await stream.collect())) }
    let alone = try await ToyModel.load(options: .init(compute: .init(matmul: .simd)))
    for index in prompts.indices {
      let adapter = try Self.adapter(alone, seed: UInt64(10 + index))
      let reply = try await alone.generate(tokens: prompts[index], options: options([adapter.scaled(1)])).collect()
      #expect(bits(reply) == together[index], "\(index)")
    }
  }
}
