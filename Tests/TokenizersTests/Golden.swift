import KingletTestSupport
import Testing

/// The expected results for one vocabulary (`golden/tokenizers/NAME.json`, described in the README there).
struct Golden: Decodable {
  let gguf: String?
  let gguf_stored: Bool
  let n_vocab: Int
  let special: Special
  let cases: [Case]
  let detokenize: [Detokenize]
  let streaming: [Streaming]

  struct Special: Decodable {
    let bos: Int32?
    let eos: Int32?
    let pad: Int32?
    /// Missing for MiniLM, whose ids do not come from a GGUF file.
    let add_bos: Bool?
    let add_eos: Bool?
  }

  struct Case: Decodable {
    let id: String
    let text: String?
    let `repeat`: [Repeat]?
    let ids: Ids
    let ids_parse_special: Ids
    let ids_add_special: Ids?
    let ids_add_special_parse_special: Ids?
    let alt_ids: Ids?
    let llama_cpp_ids: Ids?
    let parse_special_unverified: Bool?

    var input: String {
      text ?? (`repeat` ?? []).map { String(repeating: $0.text, count: $0.count) }.joined()
    }
  }

  struct Repeat: Decodable {
    let text: String
    let count: Int
  }

  struct Detokenize: Decodable {
    let id: String
    let ids: [Int32]
    /// Missing for MiniLM.
    let pieces_hex: [String]?
    let text_hex: String
    let text_special_hex: String
    let cleaned: Bool?
  }

  struct Streaming: Decodable {
    let id: String?
    let kind: String
    let ids: [Int32]
    let chunks: [String]
    let finish: String
  }

  /// A list of ids, or for long texts its digest.
  enum Ids: Decodable {
    case list([Int32])
    case digest(Digest)

    struct Digest: Decodable {
      let count: Int
      let sha256: String
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
        digest.count == ids.count && digest.head == Array(ids.prefix(8)) && digest.tail == Array(ids.suffix(8))
          && digest.sha256 == SHA256.hex(ids.map(String.init).joined(separator: ",").utf8)
      }
    }
  }
}

/// The vocabularies whose reference data must be met.
enum GoldenVocabulary: String, CaseIterable, CustomTestStringConvertible {
  case smollm2, gemma3
  case gpt2 = "gpt-2"
  case llama3 = "llama-bpe"
  case qwen2
  case llama = "llama-spm"
  case phi3 = "phi-3"
  case starcoder, refact, mpt, qwen35
  case falcon
  case deepSeekLLM = "deepseek-llm"
  case deepSeekCoder = "deepseek-coder"
  case gptNeoX = "gpt-neox"
  case bert = "bert-bge"
  case nomic = "nomic-bert-moe"

  var testDescription: String { rawValue }

  func golden() throws -> Golden { try json(at: Shared.path("golden/tokenizers/\(rawValue).json")) }

  /// Where the vocabulary is, or nil for one that lies in a model that was not fetched.
  var path: String? {
    switch self {
    case .smollm2: RealModel.smollm2.isPresent ? RealModel.smollm2.path : nil
    case .gemma3: RealModel.gemma3.isPresent ? RealModel.gemma3.path : nil
    default: Shared.path("golden/tokenizers/vocab/ggml-vocab-\(rawValue).gguf")
    }
  }

  static var present: [GoldenVocabulary] { Shared.isPresent ? allCases.filter { $0.path != nil } : [] }
}

/// The bytes of a string of hexadecimal digits.
func bytes(hex: String) -> [UInt8] {
  var digits = Substring(hex)
  var bytes: [UInt8] = []
  while let byte = UInt8(digits.prefix(2), radix: 16) {
    bytes.append(byte)
    digits = digits.dropFirst(2)
  }
  return bytes
}
