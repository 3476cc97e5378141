import Foundation
import Kinglet
import KingletTestSupport
import Testing

/// The README's example: it compiles because this file does, it is the README's because a test compares them, and it
/// runs where the model is.
@Suite struct ReadmeExample {
  static func run() async throws {
    let model = try await LanguageModel.load("qwen2.5-coder-0.5b")
    let session = ChatSession(model, instructions: "Answer in one sentence.", options: .init(maxTokens: 100))
    for try await delta in session.stream("What is the capital of Denmark?") { print(delta.text, terminator: "") }
  }

  @Test func isTheOneInTheReadme() throws {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let start = try #require(source.range(of: "func run() async throws {\n"))
    let end = try #require(source[start.upperBound...].range(of: "  }\n"))
    let example = source[start.upperBound..<end.lowerBound].split(separator: "\n").map { $0.dropFirst(4) }
    let readme = try String(contentsOfFile: Checkout.path("README.md"), encoding: .utf8)
    #expect(readme.contains(example.joined(separator: "\n")))
  }

  @Test(.enabled(if: RealModel.qwen2.isPresent, "needs the model qwen2.5-coder-0.5b"))
  func runs() async throws { try await Self.run() }
}
