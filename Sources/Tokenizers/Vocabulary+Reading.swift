import KingletErrors
import KingletGGUF

/// The metadata of a vocabulary.
enum VocabularyKey {
  static let model = "tokenizer.ggml.model"
  static let preTokenizer = "tokenizer.ggml.pre"
  static let tokens = "tokenizer.ggml.tokens"
  static let kinds = "tokenizer.ggml.token_type"
  static let merges = "tokenizer.ggml.merges"
  static let scores = "tokenizer.ggml.scores"
  static let bos = "tokenizer.ggml.bos_token_id"
  static let eos = "tokenizer.ggml.eos_token_id"
  static let eot = "tokenizer.ggml.eot_token_id"
  static let eom = "tokenizer.ggml.eom_token_id"
  static let unknown = "tokenizer.ggml.unknown_token_id"
  /// So spelled in the format.
  static let separator = "tokenizer.ggml.seperator_token_id"
  /// What files of BERT call the token that starts a text.
  static let classification = "tokenizer.ggml.cls_token_id"
  static let padding = "tokenizer.ggml.padding_token_id"
  static let addsBOS = "tokenizer.ggml.add_bos_token"
  static let addsEOS = "tokenizer.ggml.add_eos_token"
  static let addsSeparator = "tokenizer.ggml.add_sep_token"
  static let lowercases = "tokenizer.ggml.normalizer.lowercase"
  static let stripsAccents = "tokenizer.ggml.normalizer.strip_accents"
  static let mergesSpaces = "tokenizer.ggml.remove_extra_whitespaces"
  static let charsmap = "tokenizer.ggml.precompiled_charsmap"
  static let addsSpacePrefix = "tokenizer.ggml.add_space_prefix"
}

extension Vocabulary {
  /// Reads the tokens of a file; `decode` appends the bytes that the text of a token stands for.
  init(
    _ metadata: GGUFMetadata, decode: (TokenKind, RawSpan, inout [UInt8]) -> Void = { TokenText.append($1, to: &$2) }
  ) throws(KingletError) {
    let tokens = try metadata.requiredStrings(VocabularyKey.tokens)
    guard (1...Self.maximumCount).contains(tokens.count) else {
      throw metadata.corrupt(
        VocabularyKey.tokens, "a vocabulary has 1 to \(Self.maximumCount) tokens, not \(tokens.count)")
    }
    let kinds = try metadata.bytes(VocabularyKey.kinds) ?? Array(repeating: 1, count: tokens.count)
    guard kinds.count == tokens.count else {
      throw metadata.corrupt(VocabularyKey.kinds, "there are \(kinds.count) types for \(tokens.count) tokens")
    }
    self.init(count: tokens.count, byteCount: tokens.totalByteCount)
    try tokens.forEachBytes { (text) throws(KingletError) in
      let id = count
      guard let kind = TokenKind(rawValue: kinds[id]) else {
        throw metadata.corrupt(VocabularyKey.kinds, "the type of token \(id) is \(kinds[id]), which is not 1 to 6")
      }
      append(kind) { decode(kind, text, &$0) }
    }
    markKnownEnds()
  }
}

extension Vocabulary {
  /// Reads the tokens of a file that are written as SentencePiece does it: spaces as U+2581, bytes as `<0x0A>`.
  init(sentencePiece metadata: GGUFMetadata) throws(KingletError) {
    try self.init(metadata) { kind, text, bytes in
      if kind == .byte, let byte = ByteToken.byte(text) {
        bytes.append(byte)
      } else {
        TokenText.append(text, to: &bytes)
      }
    }
    decodeSpaceMarks()
  }
}

/// The tokens of kind `byte`, which are written `<0x0A>`.
enum ByteToken {
  /// The byte that a token stands for, or nil when it is written otherwise.
  static func byte(_ text: RawSpan) -> UInt8? {
    let spelling = TokenText.string(text)
    guard text.byteCount == 6, spelling.hasPrefix("<0x"), spelling.hasSuffix(">") else { return nil }
    return UInt8(spelling.dropFirst(3).dropLast(), radix: 16)
  }
}
