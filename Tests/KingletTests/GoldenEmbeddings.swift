import Foundation
import KingletConversion
import KingletTestSupport
import Testing

@testable import Kinglet

/// MiniLM, converted from its Hugging Face folder, against the vectors of sentence-transformers (`golden/embeddings`).
@Suite(
  .serialized, .timeLimit(.minutes(15)),
  .enabled(if: Shared.isPresent && SentenceModel.isPresent, "needs ../shared and the model minilm"))
struct GoldenEmbeddings {
  @Test(arguments: [(WeightType.f32, 0.99999), (.f16, 0.9999), (.q8_0, 0.998)])
  func vectors(type: WeightType, leastCosine: Double) async throws {
    let model = try await load(type)
    let cases = try json(EmbeddingCases.self, at: Shared.path("golden/embeddings/cases.json")).cases
    let expected = try numbers(Float.self, at: Shared.path("golden/embeddings/embeddings.f32"))
    #expect(model.description.window == 256)
    let embeddings = try await model.embeddings(of: cases.map(\.content), options: .init(overflow: .truncate))
    #expect(expected.count == cases.count * model.description.dimensions)
    for (i, embedding) in embeddings.enumerated() {
      let reference = expected[i * embedding.vector.count..<(i + 1) * embedding.vector.count]
      let cosine = zip(embedding.vector, reference).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      #expect(cosine >= leastCosine, "\(cases[i].id): \(cosine)")
      #expect(embedding.tokenCount == cases[i].tokens_used, "\(cases[i].id)")
      #expect(embedding.droppedTokenCount == cases[i].tokens_untruncated - cases[i].tokens_used, "\(cases[i].id)")
    }
  }

  @Test func aTextTooLongIsNamed() async throws {
    let model = try await load(.q8_0)
    let error = await #expect(throws: KingletError.self) {
      try await model.embed(["short", String(repeating: "bird ", count: 300)])
    }
    #expect(error?.code == .contextOverflow)
    #expect(error.map { "\($0)" }.map { $0.contains("302") && $0.contains("256") && $0.contains("1") } == true)
  }

  private func load(_ type: WeightType) async throws -> EmbeddingModel {
    let path = NSTemporaryDirectory() + "kinglet-\(UUID()).gguf"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try HuggingFaceModel(folder: SentenceModel.folder).write(to: path, type: type)
    return try await EmbeddingModel.load(path)
  }
}

/// The folder of the catalogue's `minilm`.
private enum SentenceModel {
  static let folder: String = RealModel.folder + "/all-MiniLM-L6-v2"
  static var isPresent: Bool { FileManager.default.fileExists(atPath: folder + "/model.safetensors") }
}

private struct EmbeddingCases: Decodable {
  let cases: [Case]

  struct Case: Decodable {
    let id: String
    let text: String?
    let `repeat`: [Part]?
    let tokens_untruncated: Int
    let tokens_used: Int

    var content: String {
      text ?? (`repeat` ?? []).map { String(repeating: $0.text, count: $0.count) }.joined()
    }
  }

  struct Part: Decodable {
    let text: String
    let count: Int
  }
}
