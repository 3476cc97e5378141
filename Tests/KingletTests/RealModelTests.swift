import KingletTestSupport
import Testing

@testable import Kinglet

/// Conversations with published models; they need the files.
@Suite(.serialized, .timeLimit(.minutes(15))) struct RealModelTests {
  @Test(.enabled(if: RealModel.qwen2.isPresent, "needs the default model"))
  func theCapitalOfDenmark() async throws {
    let model = try await LanguageModel.load(RealModel.qwen2.path)
    let session = ChatSession(model, options: .init(maxTokens: 64))
    let reply = try await session.respond("What is the capital of Denmark?")
    #expect(reply.text.contains("Copenhagen"))
    #expect(reply.summary.finishReason == .stopToken)
    let next = try await session.respond("And of Sweden?")
    #expect(next.text.contains("Stockholm"))
    #expect(next.summary.usage.reusedTokens >= reply.summary.usage.promptTokens)
  }

  /// In float, because for 8-bit activations "The" and "L'" are equally good beginnings here.
  @Test(.enabled(if: RealModel.smollm2.isPresent, "needs SmolLM2"))
  func smollm2Chats() async throws {
    let model = try await LanguageModel.load(RealModel.smollm2.path, options: .init(compute: .init(activations: .f32)))
    let reply = try await ChatSession(model, options: .init(maxTokens: 40)).respond("What is the capital of France?")
    #expect(reply.text == "The capital of France is Paris.")
  }

  @Test(.enabled(if: RealModel.gemma3.isPresent, "needs Gemma 3 270M"))
  func gemmaHasNoTemplateAndCompletes() async throws {
    let model = try await LanguageModel.load(RealModel.gemma3.path)
    let error = await #expect(throws: KingletError.self) { try await ChatSession(model).respond("Hello") }
    #expect(error?.code == .template)
    let prompt = "The capital of France is Paris. The capital of Denmark is"
    let reply = try await model.generate(prompt: prompt, options: .init(maxTokens: 4)).collect()
    #expect(reply.text.contains("Copenhagen"))
  }
}
