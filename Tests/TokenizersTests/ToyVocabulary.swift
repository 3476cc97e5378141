import KingletErrors
import KingletGGUF

@testable import KingletTokenizers

/// A vocabulary made up for a test, loaded the way any other is: as a file.
struct ToyVocabulary {
  var tokens: [String] = []
  var kinds: [Int32] = []
  var scores: [Float] = []
  /// Whatever else the file says; also replaces what the fields above give.
  var metadata: [(key: String, value: GGUFValue)] = []

  mutating func add(_ token: String, _ kind: TokenKind = .normal, score: Float = 0) {
    tokens.append(token)
    kinds.append(Int32(kind.rawValue))
    scores.append(score)
  }

  /// The vocabulary as a file; `changing` sets keys, or removes them.
  func file(changing changes: [String: GGUFValue?] = [:]) -> [UInt8] {
    var writer = GGUFWriter()
    writer["general.architecture"] = .string("toy")
    writer["tokenizer.ggml.tokens"] = .array(GGUFArray(tokens))
    writer["tokenizer.ggml.token_type"] = .array(GGUFArray(kinds))
    for (key, value) in metadata { writer[key] = value }
    for (key, value) in changes { writer[key] = value }
    // A file without tensors is always written.
    return (try? writer.encoded()) ?? []
  }

  func load(changing changes: [String: GGUFValue?] = [:]) throws(KingletError) -> Tokenizer {
    try Tokenizer.load(from: GGUFFile(bytes: file(changing: changes)))
  }

  func id(_ token: String) -> Int32 { Int32(tokens.firstIndex(of: token) ?? -1) }

  /// Byte-level BPE: the 256 bytes, what the merges give, and three tokens of their own.
  static func bytePair(
    _ preTokenizer: String = "gpt-2", merges: [String] = [], tokens extra: [String] = [], without: Set<UInt8> = []
  ) -> ToyVocabulary {
    var toy = ToyVocabulary()
    for byte in 0...UInt8.max where !without.contains(byte) { toy.add(spelled([byte])) }
    for merge in merges {
      let token = merge.split(separator: " ").joined()
      if !toy.tokens.contains(token) { toy.add(token) }
    }
    for token in extra { toy.add(token) }
    toy.add("<|begin|>", .control)
    toy.add("<|im_end|>", .control)
    toy.add("<tool>", .userDefined)
    toy.metadata = [
      ("tokenizer.ggml.model", .string("gpt2")), ("tokenizer.ggml.pre", .string(preTokenizer)),
      ("tokenizer.ggml.merges", .array(GGUFArray(merges))),
      ("tokenizer.ggml.bos_token_id", .uint32(UInt32(toy.id("<|begin|>")))),
      ("tokenizer.ggml.eos_token_id", .uint32(UInt32(toy.id("<|im_end|>")))),
    ]
    return toy
  }

  /// SentencePiece BPE: three special tokens, the 256 bytes, and pieces with their scores.
  static func sentencePiece(
    _ pieces: [(String, Float)], bytes: Bool = true, addsSpacePrefix: Bool? = nil
  ) -> ToyVocabulary {
    var toy = ToyVocabulary()
    toy.add("<unk>", .unknown)
    toy.add("<s>", .control)
    toy.add("</s>", .control)
    if bytes { for byte in 0...UInt8.max { toy.add(byteToken(byte), .byte) } }
    for (piece, score) in pieces { toy.add(piece, score: score) }
    toy.metadata = [
      ("tokenizer.ggml.model", .string("llama")), ("tokenizer.ggml.scores", .array(GGUFArray(toy.scores))),
      ("tokenizer.ggml.unknown_token_id", .uint32(0)), ("tokenizer.ggml.bos_token_id", .uint32(1)),
      ("tokenizer.ggml.eos_token_id", .uint32(2)),
    ]
    if let addsSpacePrefix { toy.metadata.append(("tokenizer.ggml.add_space_prefix", .bool(addsSpacePrefix))) }
    return toy
  }

  /// WordPiece: the special tokens of BERT and pieces, those that start a word with their mark.
  static func wordPiece(
    _ pieces: [String], lowercases: Bool? = nil, stripsAccents: Bool? = nil
  ) -> ToyVocabulary {
    var toy = ToyVocabulary()
    for token in ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] { toy.add(token, .control) }
    for piece in pieces { toy.add(piece) }
    toy.metadata = [
      ("tokenizer.ggml.model", .string("bert")), ("tokenizer.ggml.unknown_token_id", .uint32(1)),
      ("tokenizer.ggml.cls_token_id", .uint32(2)), ("tokenizer.ggml.seperator_token_id", .uint32(3)),
    ]
    if let lowercases { toy.metadata.append(("tokenizer.ggml.normalizer.lowercase", .bool(lowercases))) }
    if let stripsAccents { toy.metadata.append(("tokenizer.ggml.normalizer.strip_accents", .bool(stripsAccents))) }
    return toy
  }

  /// Unigram: special tokens as XLM-R has them, the 256 bytes if asked for, and pieces with their scores.
  static func unigram(_ pieces: [(String, Float)], bytes: Bool = false) -> ToyVocabulary {
    var toy = sentencePiece(pieces, bytes: bytes, addsSpacePrefix: true)
    toy.metadata += [
      ("tokenizer.ggml.model", .string("t5")), ("tokenizer.ggml.remove_extra_whitespaces", .bool(true)),
      ("tokenizer.ggml.add_bos_token", .bool(true)),
    ]
    return toy
  }

  /// Bytes in the alphabet of byte-level BPE.
  static func spelled(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    for byte in bytes { ByteAlphabet.spell(byte, into: &text) }
    return String(decoding: text, as: UTF8.self)
  }

  static func byteToken(_ byte: UInt8) -> String {
    "<0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true) + ">"
  }
}

extension Tokenizer {
  /// The texts of the tokens of a text.
  func pieces(_ text: String, addSpecial: Bool = false, parseSpecial: Bool = false) -> [String] {
    encode(text, addSpecial: addSpecial, parseSpecial: parseSpecial).map(self.text)
  }
}
