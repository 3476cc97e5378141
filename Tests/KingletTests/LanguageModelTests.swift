import Foundation
import KingletGGUF
import KingletTestSupport
import Synchronization
import Testing

@testable import Kinglet

@Suite(.timeLimit(.minutes(15))) struct LanguageModelTests {
  @Test func loadsAndDescribesItself() async throws {
    let path = try ToyModel.write()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let fractions = Mutex<[Double]>([])
    let model = try await LanguageModel.load(path) { fraction in fractions.withLock { $0.append(fraction) } }
    #expect(model.description.architecture == "llama")
    #expect(model.description.path == path)
    #expect(model.description.vocabularySize == 512)
    #expect(model.description.weightType == "F32")
    #expect(model.description.contextLength == min(model.description.trainedContextLength, 8192))
    #expect(model.description.cacheByteCount > 0)
    #expect(model.description.hasChatTemplate)
    #expect("\(model.description)".contains("context of \(model.description.contextLength) tokens"))
    #expect(fractions.withLock { $0 == $0.sorted() && $0.last == 1 })
  }

  @Test func theContextCanBeChosenUpToTheTrainedOne() async throws {
    let model = try await ToyModel.load(options: .init(contextLength: 48))
    #expect(model.description.contextLength == 48)
    let reply = try await model.generate(
      tokens: Array(1...40), options: .init(ignoresEndOfGeneration: true)
    ).collect()
    #expect(reply.summary.finishReason == .contextFull)
    #expect(reply.tokens.count == 9)
    for length in [0, -1, model.description.trainedContextLength + 1] {
      let error = await #expect(throws: KingletError.self) {
        try await ToyModel.load(options: .init(contextLength: length))
      }
      #expect(error?.code == .invalidArgument)
    }
  }

  @Test func whatIsNotThereIsNamed() async throws {
    let noFile = await #expect(throws: KingletError.self) { try await LanguageModel.load("/nowhere/model.gguf") }
    #expect(noFile?.code == .fileNotFound)
    let noName = await #expect(throws: KingletError.self) { try await LanguageModel.load("no-such-model") }
    #expect(noName?.code == .modelNotFound)
    // Weights without a vocabulary.
    let path = try ToyModel.write(hasVocabulary: false)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let noVocabulary = await #expect(throws: KingletError.self) { try await LanguageModel.load(path) }
    #expect(noVocabulary?.description.contains("tokenizer.ggml") == true)
  }

  @Test func completesDeterministically() async throws {
    let model = try await ToyModel.load()
    let options = GenerationOptions(maxTokens: 30, ignoresEndOfGeneration: true)
    let first = try await model.generate(prompt: "Kinglets are", options: options).collect()
    let second = try await model.generate(prompt: "Kinglets are", options: options).collect()
    #expect(first.tokens.count == 30)
    #expect(first.tokens == second.tokens && first.text == second.text)
    #expect(first.summary.timing.load > 0)

    var sampled = options
    sampled.sampling = SamplingOptions(temperature: 1, topK: 50, seed: 11)
    let one = try await model.generate(prompt: "Kinglets are", options: sampled).collect()
    let two = try await model.generate(prompt: "Kinglets are", options: sampled).collect()
    #expect(one.tokens == two.tokens)
    #expect(one.tokens != first.tokens)
  }

  @Test func controlTokensInAPromptAreTextUnlessAsked() async throws {
    let model = try await ToyModel.load()
    let options = GenerationOptions(maxTokens: 1, ignoresEndOfGeneration: true)
    let text = try await model.generate(prompt: "<|end|>", options: options).collect()
    let control = try await model.generate(prompt: "<|end|>", options: options, parsesControlTokens: true).collect()
    #expect(text.summary.usage.promptTokens > 1)
    #expect(control.summary.usage.promptTokens == 1)
  }

  @Test func modelsAreSharedBetweenTasks() async throws {
    let model = try await ToyModel.load()
    let options = GenerationOptions(maxTokens: 8, ignoresEndOfGeneration: true)
    let alone = try await model.generate(tokens: [5, 6, 7], options: options).collect().tokens
    let together = try await withThrowingTaskGroup(of: [Int32].self) { group in
      for _ in 0..<8 {
        group.addTask { try await model.generate(tokens: [5, 6, 7], options: options).collect().tokens }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(together.allSatisfy { $0 == alone })
  }

  @Test func loadingCanBeCancelled() async throws {
    let path = try ToyModel.write()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let task = Task { () throws(KingletError) in try await LanguageModel.load(path) }
    task.cancel()
    // It may have been done before; but it does not fail in another way.
    if case .failure(let error) = await task.result { #expect((error as? KingletError)?.code == .cancelled) }
  }
}
