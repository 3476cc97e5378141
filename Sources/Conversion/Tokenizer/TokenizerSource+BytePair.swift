import KingletErrors
import KingletGGUF
import KingletTokenizers

extension TokenizerSource {
  /// Byte-level BPE, as GPT-2 and most after it.
  func byteLevelBytePair(_ json: TokenizerJSON) throws(KingletError) -> ConvertedVocabulary {
    let affixes = [json.model.continuing_subword_prefix, json.model.end_of_word_suffix].compactMap(\.self)
    guard affixes.allSatisfy(\.isEmpty) else { throw unsupported("the tokens are marked at the ends of words") }
    let pre = try PreTokenizerName(json: json, architecture: architecture, path: jsonPath).find()
    let vocabulary = try ModelVocabulary(bytes, path: jsonPath)
    var table = try table(vocabulary)
    try table.add(json.added_tokens ?? [], in: jsonPath)
    try table.pad(to: vocabularySize, in: jsonPath)
    let merges = vocabulary.merges.map { Self.spelled($0.left) + " " + Self.spelled($0.right) }
    return ConvertedVocabulary(
      table, model: "gpt2", pre: pre, withScores: false,
      more: [("tokenizer.ggml.merges", .array(GGUFArray(merges)))])
  }

  /// BPE as SentencePiece does it, after Hugging Face has turned it into merges.
  ///
  /// SentencePiece's score of a token is the negative number of its merge, so scores are had back from the merges.
  /// (llama.cpp's converter gives all the same score, and then merges from the left.)
  func spacedBytePair(_ json: TokenizerJSON) throws(KingletError) -> ConvertedVocabulary {
    let addsSpacePrefix = try addsSpacePrefix(json)
    let vocabulary = try ModelVocabulary(bytes, path: jsonPath)
    var ranks: [[UInt8]: Int] = [:]
    for (rank, merge) in vocabulary.merges.enumerated() {
      let text = merge.left + merge.right
      if ranks[text] == nil { ranks[text] = rank }
    }
    var table = TokenTable()
    for token in vocabulary.tokens {
      let text = Array(token.text.utf8)
      // What no merge makes is never made; scores behind those of all merges come nearest to that.
      let score = -Float(ranks[text] ?? vocabulary.merges.count + token.id)
      let kind: TokenKind =
        Self.isByte(text) ? .byte : token.text == json.model.unk_token ? .unknown : .normal
      try table.set(token.id, token.text, kind, score: score, in: jsonPath)
    }
    try table.add(json.added_tokens ?? [], score: -1000, in: jsonPath)
    table.truncate(to: vocabularySize)
    try table.pad(to: vocabularySize, in: jsonPath)
    return ConvertedVocabulary(
      table, model: "llama", pre: "default", withScores: true,
      more: [("tokenizer.ggml.add_space_prefix", .bool(addsSpacePrefix))])
  }

  /// Whether a space is put before a text; refuses what does more to it than write spaces as U+2581.
  private func addsSpacePrefix(_ json: TokenizerJSON) throws(KingletError) -> Bool {
    var addsPrefix = false
    for step in (json.normalizer?.steps ?? []) + (json.pre_tokenizer?.steps ?? []) {
      switch step.type {
      case "Prepend" where step.prepend == "\u{2581}": addsPrefix = true
      case "Replace" where step.pattern?.String == " " && step.content == "\u{2581}": break
      case "Split" where step.pattern?.String == " ": break
      case "Metaspace": addsPrefix = addsPrefix || step.prependsSpace
      default: throw unsupported("the normalizer or pre-tokenizer \(step.type) is not one that Kinglet knows")
      }
    }
    return addsPrefix
  }

  /// A token of a merge, which no space may part: the alphabet of bytes writes it as U+0120.
  private static func spelled(_ token: [UInt8]) -> String {
    String(decoding: token.flatMap { $0 == UInt8(ascii: " ") ? Array("\u{120}".utf8) : [$0] }, as: UTF8.self)
  }

  /// Whether a token is written `<0x0A>`.
  private static func isByte(_ text: [UInt8]) -> Bool {
    text.count == 6 && text.starts(with: "<0x".utf8) && text.last == UInt8(ascii: ">")
      && UInt8(String(decoding: text[3..<5], as: UTF8.self), radix: 16) != nil
  }
}

extension TokenizerJSON.Component {
  /// Whether a step of the type `Metaspace` puts a space before a text.
  var prependsSpace: Bool { prepend_scheme.map { $0 != "never" } ?? add_prefix_space ?? true }
}
