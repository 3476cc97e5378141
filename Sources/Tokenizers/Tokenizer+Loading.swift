import KingletErrors
import KingletGGUF

extension Tokenizer {
  /// Reads the vocabulary of a file, which need not hold a model.
  ///
  /// Nothing of the file is used after this returns.
  /// - Throws: `.unsupported` for a tokenizer or pre-tokenizer that is not known, `.fileCorrupt`, naming the key, where
  ///   the file contradicts itself.
  public static func load(from file: GGUFFile) throws(KingletError) -> Tokenizer {
    try TokenizerLoader(metadata: file.metadata, path: file.path).load()
  }
}

private struct TokenizerLoader {
  let metadata: GGUFMetadata
  let path: String

  func load() throws(KingletError) -> Tokenizer {
    switch try metadata.requiredString(VocabularyKey.model) {
    case "gpt2": try loadBytePair()
    case "llama": try loadSentencePiece()
    case let name:
      throw unsupported(
        VocabularyKey.model, "the tokenizer \(name.debugDescription) is not one that Kinglet runs",
        remedy: "Use a model whose tokenizer is gpt2 (byte-level BPE) or llama (SentencePiece BPE)")
    }
  }

  private func loadBytePair() throws(KingletError) -> Tokenizer {
    guard let name = try metadata.string(VocabularyKey.preTokenizer) else {
      throw unsupported(
        VocabularyKey.preTokenizer, "the file does not say how text is cut into words before it is tokenised",
        remedy: "Convert the model again with a converter that writes this key")
    }
    guard let preTokenizer = PreTokenizer.named(name) else {
      throw unsupported(
        VocabularyKey.preTokenizer, "the pre-tokenizer \(name.debugDescription) is not one that Kinglet knows",
        remedy: "Use another model: with a guessed pre-tokenizer its tokens would be wrong")
    }
    let merges = try metadata.requiredStrings(VocabularyKey.merges)
    let vocabulary = try Vocabulary(metadata)
    let matcher = SpecialTokenMatcher(vocabulary)
    let special = try SpecialTokens(metadata, vocabulary, matcher, addsBOS: preTokenizer.addsBOS)
    let model: BytePairModel
    do { model = try BytePairModel(vocabulary, merges: merges, preTokenizer: preTokenizer) } catch {
      throw metadata.corrupt(VocabularyKey.merges, error.message)
    }
    return Tokenizer(vocabulary: vocabulary, model: model, matcher: matcher, special: special)
  }

  private func loadSentencePiece() throws(KingletError) -> Tokenizer {
    var vocabulary = try Vocabulary(metadata) { kind, text, bytes in
      if kind == .byte, let byte = ByteToken.byte(text) {
        bytes.append(byte)
      } else {
        TokenText.append(text, to: &bytes)
      }
    }
    vocabulary.decodeSpaceMarks()
    let isPhi3 = try metadata.string("general.architecture") == "phi3"
    if isPhi3 { Phi3.markEndOfText(in: &vocabulary) }
    var matcher = SpecialTokenMatcher(vocabulary)
    if isPhi3 { matcher.stripping = Phi3.strippingTokens(of: vocabulary, matcher) }
    let special = try SpecialTokens(metadata, vocabulary, matcher, addsBOS: true)
    let model = SentencePieceModel(
      vocabulary, scores: try scores(count: vocabulary.count), unknown: special.unknown,
      addsSpacePrefix: try metadata.bool(VocabularyKey.addsSpacePrefix) ?? true)
    guard model.spellsAnything else {
      throw metadata.corrupt(
        VocabularyKey.unknown, "the vocabulary has neither 256 byte tokens nor a token for what it cannot spell")
    }
    return Tokenizer(vocabulary: vocabulary, model: model, matcher: matcher, special: special)
  }

  private func scores(count: Int) throws(KingletError) -> [Float] {
    guard let scores = try metadata.floats(VocabularyKey.scores) else {
      throw metadata.corrupt(VocabularyKey.scores, "the key is missing")
    }
    guard scores.count == count else {
      throw metadata.corrupt(VocabularyKey.scores, "there are \(scores.count) scores for \(count) tokens")
    }
    if let id = scores.firstIndex(where: \.isNaN) {
      throw metadata.corrupt(VocabularyKey.scores, "the score of token \(id) is not a number")
    }
    return scores
  }

  private func unsupported(_ key: String, _ message: String, remedy: String) -> KingletError {
    KingletError(.unsupported, message, at: "\(path): key \(key.debugDescription)", remedy: remedy)
  }
}
