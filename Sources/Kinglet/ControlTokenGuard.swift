import KingletTokenizers

/// Keeps the text of messages from becoming control tokens.
///
/// A template mixes its own control tokens with the text of messages in one string, and whoever tokenises that string
/// cannot tell a `<|im_end|>` of the template from one that a user has typed. So before rendering, each spelling of a
/// control token in a message is interrupted by a mark, a private-use character that no message contains; so are the
/// ends of a message where a spelling could arise from it and its surroundings. The template trims, tests and joins the
/// text as ever: marks stand next to no whitespace at the ends. After rendering, what is spelled without a mark is
/// the template's own; stretches of text that hold marks are freed of them and encoded as plain text.
///
/// Stretches end at control tokens, where no merge of the tokenizer crosses anyway, so the tokens are the ones that the
/// vocabulary has for this text; and a conversation without such spellings, that is nearly every one, is encoded in one
/// go and exactly as the reference does it.
///
/// Known limits: control tokens of a single character cannot be interrupted; user-defined tokens of the vocabulary are
/// found in any text, as the reference does, unless they end the generation.
struct ControlTokenGuard: Sendable {
  private let tokenizer: Tokenizer
  private let spellings: SpellingSet
  private let reversedSpellings: SpellingSet

  /// Walks the vocabulary once: a few milliseconds for the largest.
  init(_ tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
    let controls = (0..<Int32(clamping: tokenizer.vocabularySize)).filter(tokenizer.isSpecial)
    let spellings = Set(controls).union(tokenizer.special.endOfGeneration).map(tokenizer.bytes)
    self.spellings = SpellingSet(spellings)
    reversedSpellings = SpellingSet(spellings.map { $0.reversed() })
  }

  /// The tokens of what `render` makes of the texts, which it is given marked where that is necessary.
  func encode<E: Error>(_ texts: [String], render: ([String]) throws(E) -> String) throws(E) -> [Int32] {
    let positions = texts.map { marks(in: Array($0.utf8)) }
    if positions.allSatisfy(\.isEmpty) {
      return tokenizer.encode(try render(texts), addSpecial: false, parseSpecial: true)
    }
    let mark = Self.mark(absentFrom: texts)
    let marked = zip(texts, positions).map { insert(mark, into: Array($0.utf8), at: $1) }
    return encode(marked: Array(try render(marked).utf8), mark: mark)
  }

  // MARK: Before rendering

  /// Offsets in UTF-8 before which a mark belongs, ascending.
  func marks(in text: [UInt8]) -> [Int] {
    let (start, end) = (Self.leadingWhitespace(text), text.count - Self.trailingWhitespace(text))
    guard start < end else { return [] }
    var offsets: [Int] = []
    if isEndOfSpelling(text, from: start, to: end) { offsets.append(start) }
    // After the first character of every spelling, also of those that overlap.
    for position in start..<end where spellings.match(text, at: position).length > 0 {
      let next = position + Self.characterLength(text[position])
      if next < end { offsets.append(next) }
    }
    if isStartOfSpelling(text, to: end) { offsets.append(end) }
    return offsets
  }

  /// Whether some end of the text could be continued to a spelling.
  private func isStartOfSpelling(_ text: [UInt8], to end: Int) -> Bool {
    let body = Array(text[max(0, end - spellings.longest)..<end])
    return body.indices.contains { spellings.match(body, at: $0).isCutOff }
  }

  /// Whether some beginning of the text could be the rest of a spelling.
  private func isEndOfSpelling(_ text: [UInt8], from start: Int, to end: Int) -> Bool {
    let body = Array(text[start..<min(end, start + spellings.longest)].reversed())
    return body.indices.contains { reversedSpellings.match(body, at: $0).isCutOff }
  }

  private func insert(_ mark: [UInt8], into text: [UInt8], at offsets: [Int]) -> String {
    var result: [UInt8] = []
    var copied = 0
    for offset in offsets {
      result += text[copied..<offset] + mark
      copied = offset
    }
    return String(decoding: result + text[copied...], as: UTF8.self)
  }

  private static func mark(absentFrom texts: [String]) -> [UInt8] {
    let candidates = (0xE000...0xF8FF as ClosedRange<UInt32>).lazy.compactMap(Unicode.Scalar.init)
    let mark = candidates.first { mark in !texts.contains { $0.unicodeScalars.contains(mark) } }
    // A text that has all 6,400 private-use characters loses the last of them.
    return Array(String(mark ?? "\u{F8FF}").utf8)
  }

  // MARK: After rendering

  private func encode(marked text: [UInt8], mark: [UInt8]) -> [Int32] {
    var ids: [Int32] = []
    /// The start of what is not yet encoded, and of the stretch without control tokens at its end.
    var (pending, stretch, position) = (0, 0, 0)

    func flush(to end: Int, parseSpecial: Bool) {
      let piece = String(decoding: text[pending..<end], as: UTF8.self)
      ids += tokenizer.encode(piece, addSpecial: false, parseSpecial: parseSpecial)
      pending = end
    }
    func endStretch() {
      guard text[stretch..<position].contains(mark) else { return }
      flush(to: stretch, parseSpecial: true)
      ids += encodePlain(text[stretch..<position], mark: mark)
      pending = position
    }

    while position < text.count {
      let length = spellings.match(text, at: position).length
      if length == 0 {
        position += 1
      } else {
        endStretch()
        position += length
        stretch = position
      }
    }
    endStretch()
    flush(to: text.count, parseSpecial: true)
    return ids
  }

  private func encodePlain(_ text: ArraySlice<UInt8>, mark: [UInt8]) -> [Int32] {
    let parts = text.split(separator: mark).map { String(decoding: $0, as: UTF8.self) }
    let ids = tokenizer.encode(parts.joined(), addSpecial: false)
    // Some files list the end of a turn among the user-defined tokens, which are found in any text.
    if !ids.contains(where: tokenizer.special.endOfGeneration.contains) { return ids }
    return parts.flatMap { tokenizer.encode($0, addSpecial: false) }
  }

  // MARK: UTF-8

  private static func leadingWhitespace(_ text: [UInt8]) -> Int {
    String(decoding: text, as: UTF8.self).unicodeScalars.prefix { $0.properties.isWhitespace }
      .reduce(0) { $0 + UTF8.width($1) }
  }

  private static func trailingWhitespace(_ text: [UInt8]) -> Int {
    String(decoding: text, as: UTF8.self).unicodeScalars.reversed().prefix { $0.properties.isWhitespace }
      .reduce(0) { $0 + UTF8.width($1) }
  }

  private static func characterLength(_ first: UInt8) -> Int {
    switch first {
    case 0xC0...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...: 4
    default: 1
    }
  }
}
