import KingletErrors
import KingletGGUF

extension SpecialTokens {
  /// Reads the special tokens of a file; where it does not name the end of a turn, or only one of several, they are
  /// known by their texts.
  ///
  /// - Parameter defaults: what holds where the file does not say.
  init(
    _ metadata: GGUFMetadata, _ vocabulary: Vocabulary, _ matcher: SpecialTokenMatcher,
    defaults: SpecialTokenDefaults
  ) throws(KingletError) {
    func token(_ key: String, default known: Int32? = nil) throws(KingletError) -> Int32? {
      guard let number = try metadata.integer(key) else {
        return known.flatMap { vocabulary.kind(of: $0) == nil ? nil : $0 }
      }
      guard let id = Int32(exactly: number), vocabulary.kind(of: id) != nil else {
        throw metadata.corrupt(key, "the vocabulary of \(vocabulary.count) tokens has no token \(number)")
      }
      return id
    }
    let turnEnds = Self.endOfTurnTexts.compactMap { matcher.id(of: $0.utf8) }
    let textEnds = Self.endOfTextTexts.compactMap { matcher.id(of: $0.utf8) }
      .filter { vocabulary.kind(of: $0) == .control }
    bos = try token(VocabularyKey.bos, default: token(VocabularyKey.classification, default: defaults.bos))
    eos = try token(VocabularyKey.eos, default: defaults.eos)
    eot = try token(VocabularyKey.eot) ?? turnEnds.first
    unknown = try token(VocabularyKey.unknown, default: defaults.unknown)
    padding = try token(VocabularyKey.padding, default: defaults.padding)
    separator = try token(VocabularyKey.separator, default: defaults.separator)
    endOfGeneration = Set(turnEnds + textEnds + [eos, eot, try token(VocabularyKey.eom)].compactMap { $0 })
    addsBOS = try metadata.bool(VocabularyKey.addsBOS) ?? (defaults.addsBOS && bos != nil)
    addsEOS = try metadata.bool(VocabularyKey.addsEOS) ?? (defaults.addsEOS && eos != nil)
    addsSeparator = try metadata.bool(VocabularyKey.addsSeparator) ?? (defaults.addsSeparator && separator != nil)
    ending = addsEOS ? eos : addsSeparator && defaults.endsWithSeparator ? separator : nil
    if addsBOS, bos == nil {
      throw metadata.corrupt(
        VocabularyKey.addsBOS, "texts are to start with BOS, but the file does not name that token")
    }
    if addsEOS, eos == nil {
      throw metadata.corrupt(VocabularyKey.addsEOS, "texts are to end with EOS, but the file does not name that token")
    }
  }
}

extension Vocabulary {
  /// Makes control tokens of those that are known to end a turn or a text but that the file calls normal, which
  /// some converters do: else a prompt would spell them, and a model would never come to its end.
  mutating func markKnownEnds() {
    let known = (SpecialTokens.endOfTurnTexts + SpecialTokens.endOfTextTexts).map { Array($0.utf8) }
    for id in ids where kind(of: id) == .normal {
      guard let range = range(of: id), !range.isEmpty, bytes[range.lowerBound] == UInt8(ascii: "<"),
        known.contains(where: { matches(id, $0.span.bytes) })
      else { continue }
      setKind(.control, of: id)
    }
  }
}
