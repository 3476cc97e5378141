/// A query for FTS5 from any text: its words, each in quotation marks, joined by OR. No text has a meaning there other than
/// its words.
enum KeywordQuery {
  /// More words than this are no question.
  private static let mostWords = 256

  /// Nil when the text has no words.
  static func expression(for text: String) -> String? {
    var seen: Set<String> = []
    var words: [String] = []
    for word in text.lowercased().unicodeScalars.split(whereSeparator: { !isWordScalar($0) }) {
      let word = String(word)
      if seen.insert(word).inserted { words.append(word) }
      if words.count == mostWords { break }
    }
    return words.isEmpty ? nil : words.map { "\"\($0)\"" }.joined(separator: " OR ")
  }

  /// The words of a text, lower-cased.
  static func words(of text: String) -> [String] {
    text.lowercased().unicodeScalars.split { !isWordScalar($0) }.map { String($0) }
  }

  private static func isWordScalar(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType != nil
      || scalar.properties.generalCategory == .nonspacingMark
  }
}
