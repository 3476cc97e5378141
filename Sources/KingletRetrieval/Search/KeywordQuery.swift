/// A query for FTS5 from any text: its words, each in quotation marks, joined by OR. No text has a meaning there other than
/// its words.
enum KeywordQuery {
  /// More words than this are no question.
  private static let mostWords = 256

  /// Nil when the text has no words.
  static func expression(for text: String) -> String? {
    var seen: Set<String> = []
    var words: [String] = []
    for word in Self.words(of: text) {
      if seen.insert(word).inserted { words.append(word) }
      if words.count == mostWords { break }
    }
    return words.isEmpty ? nil : words.map { "\"\($0)\"" }.joined(separator: " OR ")
  }

  /// A text without the words that say little of what it is about; itself when it has no others.
  static func withoutFunctionWords(_ text: String) -> String {
    let words = words(of: text).filter { !functionWords.contains($0) }
    return words.isEmpty ? text : words.joined(separator: " ")
  }

  /// Those of English, and what questions begin with. In long queries many small matches of them outweigh the words that
  /// matter, although each counts for little.
  private static let functionWords = Set(
    """
    a an the of in on at to for and or is are was were be been by with from as that this it its can do does did what which \
    how when where who why i my me you your we our have has had may must should will would could not no if than then there \
    their they them any all into about between
    """.split(separator: " ").map(String.init))

  /// The words of a text, lower-cased.
  static func words(of text: String) -> [String] {
    text.lowercased().unicodeScalars.split { !isWordScalar($0) }.map { String($0) }
  }

  private static func isWordScalar(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType != nil
      || scalar.properties.generalCategory == .nonspacingMark
  }
}
