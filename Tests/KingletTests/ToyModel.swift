import Foundation
import Kinglet
import KingletGGUF
import KingletTestSupport

/// A complete model of a hundred kilobytes: the random weights of a fixture, and a made-up byte-level vocabulary.
enum ToyModel {
  static let endOfTurn: Int32 = 509
  static let startOfTurn: Int32 = 510
  static let beginning: Int32 = 511

  /// Written for these tests: turns in `<|start|>role`, a line break and `<|end|>`, contents trimmed.
  static let template = """
    {%- for message in messages -%}
    {{- '<|start|>' + message['role'] + '\\n' + message['content'] | trim + '<|end|>' -}}
    {%- endfor -%}
    {%- if add_generation_prompt -%}
    {{- '<|start|>assistant\\n' -}}
    {%- endif -%}
    """

  /// 256 bytes, some merges, and the control tokens at the end of 512.
  static func addVocabulary(to writer: inout GGUFWriter) {
    let merges = ["i n", "a n", "in g", "< |", "| >", "e n", "en d", "s t", "st a", "sta r", "star t", "\u{120} k"]
    var tokens = (0...255).map { letter(UInt8($0)) } + merges.map { $0.replacingOccurrences(of: " ", with: "") }
    var kinds = [Int32](repeating: 1, count: tokens.count)
    while tokens.count < Int(endOfTurn) {
      tokens.append("[UNUSED\(tokens.count)]")
      kinds.append(5)
    }
    tokens += ["<|end|>", "<|start|>", "<|begin|>"]
    kinds += [3, 3, 3]
    writer["tokenizer.ggml.model"] = .string("gpt2")
    writer["tokenizer.ggml.pre"] = .string("gpt-2")
    writer["tokenizer.ggml.tokens"] = .array(GGUFArray(tokens))
    writer["tokenizer.ggml.token_type"] = .array(GGUFArray(kinds))
    writer["tokenizer.ggml.merges"] = .array(GGUFArray(merges))
    writer["tokenizer.ggml.eos_token_id"] = .uint32(UInt32(endOfTurn))
    writer["tokenizer.ggml.bos_token_id"] = .uint32(UInt32(beginning))
    writer["tokenizer.ggml.add_bos_token"] = .bool(false)
  }

  static func tokenizer() throws -> Tokenizer {
    var writer = GGUFWriter()
    addVocabulary(to: &writer)
    return try Tokenizer.load(from: GGUFFile(bytes: writer.encoded()))
  }

  /// Writes the model to a file of its own, for the caller to remove.
  static func write(template: String? = template, hasVocabulary: Bool = true) throws -> String {
    let fixture = try GGUFFile(path: Fixtures.path("arch/llama/model.gguf"))
    var writer = GGUFWriter()
    for key in fixture.metadata.keys where !key.hasPrefix("tokenizer.") { writer[key] = fixture.metadata[key] }
    if hasVocabulary { addVocabulary(to: &writer) }
    writer["tokenizer.chat_template"] = template.map { .string($0) }
    for tensor in fixture.tensors {
      let bytes = fixture.withBytes(of: tensor) { Array($0) }
      try writer.addTensor(tensor.name, dimensions: tensor.dimensions, type: tensor.type, bytes: bytes)
    }
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("kinglet-toy-\(UUID()).gguf").path
    try writer.write(to: path)
    return path
  }

  static func load(template: String? = template, options: LanguageModel.LoadOptions = .init()) async throws
    -> LanguageModel
  {
    let path = try write(template: template)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await LanguageModel.load(path, options: options)
  }

  /// GPT-2's visible letter for a byte.
  private static func letter(_ byte: UInt8) -> String {
    let isVisible = (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174
    if isVisible { return String(UnicodeScalar(byte)) }
    let hidden = (0...255).map { UInt8($0) }.filter {
      !((33...126).contains($0) || (161...172).contains($0) || $0 >= 174)
    }
    let rank = hidden.firstIndex(of: byte) ?? 0
    return UnicodeScalar(256 + rank).map(String.init) ?? ""
  }
}
