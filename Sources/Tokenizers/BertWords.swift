/// The text normalisation of BERT and its cut into words.
///
/// What is meant is Hugging Face's `BertNormalizer` followed by `BertPreTokenizer` (after Devlin et al. 2018,
/// `BasicTokenizer`): control characters go, accents are taken off, letters become small, whitespace separates words,
/// and a punctuation mark or an ideograph is a word by itself.
struct BertWords: Sendable {
  /// Whether letters become small. GGUF files of models that tell them apart say so.
  var lowercases = true
  /// Whether characters are decomposed and their nonspacing marks (category Mn) dropped.
  var stripsAccents = true

  /// Calls `body` with each word of `text[range]` and the number of its characters. Words start with a space, as the
  /// tokens do that start a word.
  func forEach(_ text: [UInt8], _ range: Range<Int>, _ body: ([UInt8], _ characterCount: Int) -> Void) {
    var word = BertWord()
    for scalar in String(decoding: text[range], as: UTF8.self).unicodeScalars {
      switch BertCharacter(scalar) {
      case .dropped: break
      case .whitespace: word.end(body)
      case .ideograph:
        word.end(body)
        append(scalar, to: &word, body)
        word.end(body)
      case .punctuation, .other: append(scalar, to: &word, body)
      }
    }
    word.end(body)
  }

  private func append(_ scalar: Unicode.Scalar, to word: inout BertWord, _ body: ([UInt8], Int) -> Void) {
    guard stripsAccents, scalar.value >= 0x80, BertCharacter.isOld(scalar) else {
      return appendLowercased(scalar, to: &word, body)
    }
    CanonicalDecomposition.forEach(scalar) { part in
      if !BertCharacter.isAccent(part) { appendLowercased(part, to: &word, body) }
    }
  }

  private func appendLowercased(_ scalar: Unicode.Scalar, to word: inout BertWord, _ body: ([UInt8], Int) -> Void) {
    if !lowercases { return word.append(scalar, body) }
    if scalar.value < 0x80 {
      let isCapital = (0x41...0x5A).contains(scalar.value)
      return word.append(isCapital ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar, body)
    }
    for small in scalar.properties.lowercaseMapping.unicodeScalars { word.append(small, body) }
  }
}

/// A word while its characters come in.
private struct BertWord {
  private var bytes: [UInt8] = [UInt8(ascii: " ")]
  private var characterCount = 0

  /// Adds a character that has been normalised; a punctuation mark ends the word before it and is one itself.
  mutating func append(_ scalar: Unicode.Scalar, _ body: ([UInt8], Int) -> Void) {
    let isPunctuation = BertCharacter(scalar) == .punctuation
    if isPunctuation { end(body) }
    bytes.append(contentsOf: scalar.utf8)
    characterCount += 1
    if isPunctuation { end(body) }
  }

  mutating func end(_ body: ([UInt8], Int) -> Void) {
    guard characterCount > 0 else { return }
    body(bytes, characterCount)
    bytes.removeLast(bytes.count - 1)
    characterCount = 0
  }
}
