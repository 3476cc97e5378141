import KingletErrors
import KingletGGUF

extension Tokenizer {
  /// Reads the vocabulary of a file, which need not hold a model.
  ///
  /// Nothing of the file is used after this returns.
  /// - Throws: `.unsupported` for a tokenizer or pre-tokenizer that is not known, `.fileCorrupt`, naming the key, where
  ///   the file contradicts itself.
  public static func load(from file: GGUFFile) throws(KingletError) -> Tokenizer {
    try load(from: file.metadata)
  }

  /// Reads a vocabulary from metadata, which need not come from a file.
  public static func load(from metadata: GGUFMetadata) throws(KingletError) -> Tokenizer {
    try TokenizerLoader(metadata: metadata).load()
  }
}

private struct TokenizerLoader {
  let metadata: GGUFMetadata

  func load() throws(KingletError) -> Tokenizer {
    switch try metadata.requiredString(VocabularyKey.model) {
    case "gpt2": try loadBytePair()
    case "llama": try loadSentencePiece()
    case "bert": try loadWordPiece()
    case "t5": try loadUnigram()
    case let name:
      throw unsupported(
        VocabularyKey.model, "the tokenizer \(name.debugDescription) is not one that Kinglet runs",
        remedy:
          "Use a model whose tokenizer is gpt2 (byte-level BPE), llama (SentencePiece BPE), bert (WordPiece) or t5 "
          + "(Unigram)")
    }
  }

  private func loadBytePair() throws(KingletError) -> Tokenizer {
    let preTokenizer = try preTokenizer()
    let merges = try metadata.requiredStrings(VocabularyKey.merges)
    let vocabulary = try Vocabulary(metadata)
    let matcher = SpecialTokenMatcher(vocabulary)
    let special = try SpecialTokens(
      metadata, vocabulary, matcher,
      defaults: .init(addsBOS: preTokenizer.addsBOS, addsSeparator: preTokenizer.addsSeparator))
    let model: BytePairModel
    do { model = try BytePairModel(vocabulary, merges: merges, preTokenizer: preTokenizer) } catch {
      throw metadata.corrupt(VocabularyKey.merges, error.message)
    }
    return Tokenizer(vocabulary: vocabulary, model: model, matcher: matcher, special: special)
  }

  private func preTokenizer() throws(KingletError) -> PreTokenizer {
    guard let name = try metadata.string(VocabularyKey.preTokenizer) else {
      // Files of GPT-NeoX are older than the key.
      if try metadata.string("general.architecture") == "gptneox" { return .composing }
      throw unsupported(
        VocabularyKey.preTokenizer, "the file does not say how text is cut into words before it is tokenised",
        remedy: "Convert the model again with a converter that writes this key")
    }
    guard let preTokenizer = PreTokenizer.named(name) else {
      throw unsupported(
        VocabularyKey.preTokenizer, "the pre-tokenizer \(name.debugDescription) is not one that Kinglet knows",
        remedy: "Use another model: with a guessed pre-tokenizer its tokens would be wrong")
    }
    return preTokenizer
  }

  private func loadSentencePiece() throws(KingletError) -> Tokenizer {
    var vocabulary = try Vocabulary(sentencePiece: metadata)
    let isPhi3 = try metadata.string("general.architecture") == "phi3"
    if isPhi3 { Phi3.markEndOfText(in: &vocabulary) }
    var matcher = SpecialTokenMatcher(vocabulary)
    if isPhi3 { matcher.stripping = Phi3.strippingTokens(of: vocabulary, matcher) }
    let special = try SpecialTokens(metadata, vocabulary, matcher, defaults: .init(addsBOS: true))
    let model = SentencePieceModel(
      vocabulary, scores: try scores(count: vocabulary.count), fallback: try fallback(vocabulary, special),
      addsSpacePrefix: try metadata.bool(VocabularyKey.addsSpacePrefix) ?? true)
    return Tokenizer(vocabulary: vocabulary, model: model, matcher: matcher, special: special)
  }

  private func loadUnigram() throws(KingletError) -> Tokenizer {
    let vocabulary = try Vocabulary(sentencePiece: metadata)
    let matcher = SpecialTokenMatcher(vocabulary)
    let special = try SpecialTokens(metadata, vocabulary, matcher, defaults: .unigram)
    let normalizer = UnigramNormalizer(
      charsmap: try charsmap(), addsSpacePrefix: try metadata.bool(VocabularyKey.addsSpacePrefix) ?? false,
      mergesSpaces: try metadata.bool(VocabularyKey.mergesSpaces) ?? false)
    let model = UnigramModel(
      vocabulary, scores: try scores(count: vocabulary.count), fallback: try fallback(vocabulary, special),
      normalizer: normalizer)
    return Tokenizer(vocabulary: vocabulary, model: model, matcher: matcher, special: special)
  }

  private func charsmap() throws(KingletError) -> Charsmap? {
    // Converters write the bytes as signed or as unsigned numbers.
    guard let numbers = try metadata.integers(VocabularyKey.charsmap), !numbers.isEmpty else { return nil }
    guard numbers.allSatisfy({ (-128...255).contains($0) }),
      let charsmap = Charsmap(numbers.map { UInt8(truncatingIfNeeded: $0) })
    else { throw metadata.corrupt(VocabularyKey.charsmap, "the table of replacements contradicts itself") }
    return charsmap
  }

  private func fallback(_ vocabulary: Vocabulary, _ special: SpecialTokens) throws(KingletError) -> Fallback {
    let fallback = Fallback(vocabulary, unknown: special.unknown)
    guard fallback.spellsAnything else {
      throw metadata.corrupt(
        VocabularyKey.unknown, "the vocabulary has neither 256 byte tokens nor a token for what it cannot spell")
    }
    return fallback
  }

  private func loadWordPiece() throws(KingletError) -> Tokenizer {
    // Only the mark that starts a token is a space; further ones are text.
    let vocabulary = try Vocabulary(metadata) { _, text, bytes in
      let start = bytes.count
      TokenText.append(text, to: &bytes)
      if bytes[start...].starts(with: SpaceMark.bytes) {
        bytes.replaceSubrange(start..<start + SpaceMark.bytes.count, with: [UInt8(ascii: " ")])
      }
    }
    let matcher = SpecialTokenMatcher(vocabulary)
    let special = try SpecialTokens(metadata, vocabulary, matcher, defaults: .wordPiece)
    guard let unknown = special.unknown else {
      throw metadata.corrupt(VocabularyKey.unknown, "the vocabulary has no token for what it cannot spell")
    }
    let lowercases = try metadata.bool(VocabularyKey.lowercases) ?? true
    let stripsAccents = try metadata.bool(VocabularyKey.stripsAccents) ?? lowercases
    let model = WordPieceModel(
      vocabulary, words: BertWords(lowercases: lowercases, stripsAccents: stripsAccents), unknown: unknown)
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
    KingletError(.unsupported, message, at: "\(metadata.path): key \(key.debugDescription)", remedy: remedy)
  }
}
