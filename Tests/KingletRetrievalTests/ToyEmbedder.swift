import Foundation
import KingletGGUF
import KingletTestSupport

@testable import KingletRetrieval

/// An embedding model of a few kilobytes with a vocabulary of letters: its vectors mean little, but are always the same.
enum ToyEmbedder {
  /// - Parameter ranks: with a head that scores a passage for a query.
  static func load(ranks: Bool = false) async throws -> EmbeddingModel {
    let fixture = try GGUFFile(path: Fixtures.path("arch/bert/model.gguf"))
    var writer = GGUFWriter()
    for key in fixture.metadata.keys where !key.hasPrefix("tokenizer.") { writer[key] = fixture.metadata[key] }
    let count = Int(fixture.tensors.first { $0.name == "token_embd.weight" }?.dimensions.last ?? 0)
    var tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    // WordPiece in the spelling of GGUF: what begins a word has the mark.
    tokens += (33...126).flatMap { code -> [String] in
      let letter = String(UnicodeScalar(UInt8(code)))
      return ["\u{2581}" + letter, letter]
    }
    while tokens.count < count { tokens.append("[unused\(tokens.count)]") }
    tokens.removeLast(tokens.count - count)
    writer["tokenizer.ggml.model"] = .string("bert")
    writer["tokenizer.ggml.pre"] = .string("jina-v2-en")
    writer["tokenizer.ggml.tokens"] = .array(GGUFArray(tokens))
    writer["tokenizer.ggml.token_type"] = .array(GGUFArray(tokens.indices.map { Int32($0 < 4 ? 3 : 1) }))
    writer["tokenizer.ggml.unknown_token_id"] = .uint32(1)
    writer["tokenizer.ggml.cls_token_id"] = .uint32(2)
    writer["tokenizer.ggml.bos_token_id"] = .uint32(2)
    writer["tokenizer.ggml.seperator_token_id"] = .uint32(3)
    writer["tokenizer.ggml.eos_token_id"] = .uint32(3)
    writer["tokenizer.ggml.padding_token_id"] = .uint32(0)
    for tensor in fixture.tensors {
      let bytes = fixture.withBytes(of: tensor) { Array($0) }
      try writer.addTensor(tensor.name, dimensions: tensor.dimensions, type: tensor.type, bytes: bytes)
    }
    if ranks {
      var random = SeededRandom(1)
      let width = Int(fixture.tensors.first { $0.name == "token_embd.weight" }?.dimensions.first ?? 0)
      try writer.addTensor("cls.output.weight", dimensions: [width, 1], floats: random.floats(width))
    }
    // The file must stay: the fingerprint is read from it.
    let name = ranks ? "kinglet-toy-ranker.gguf" : "kinglet-toy-embedder.gguf"
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
    if !FileManager.default.fileExists(atPath: path) { try writer.write(to: path) }
    return try await EmbeddingModel.load(path)
  }
}
