/// Where sentences end, for texts in European languages and in Chinese and Japanese.
package enum Sentences {
  /// The sentences of some bytes of a text, without the white space between them. A line that begins with the mark of a
  /// list or a table begins a sentence, too, and so does what follows a heading or a blank line.
  package static func ranges(in range: Range<Int>, of bytes: [UInt8]) -> [Range<Int>] {
    var result: [Range<Int>] = []
    var start = range.lowerBound
    var index = start
    func end(at end: Int) {
      var piece = start..<end
      while let first = bytes[piece].first, isSpace(first) { piece = piece.lowerBound + 1..<piece.upperBound }
      while let last = bytes[piece].last, isSpace(last) { piece = piece.lowerBound..<piece.upperBound - 1 }
      if !piece.isEmpty { result.append(piece) }
      start = end
    }
    while index < range.upperBound {
      let byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "\n") {
        let rest = index..<range.upperBound
        if startsItem(bytes, rest) || isBlankLine(bytes, rest) || isHeading(bytes[start..<index]) { end(at: index) }
      } else if isWideStop(bytes, at: index - 1, before: range.upperBound) {
        index += 2
        end(at: index)
      } else if byte == UInt8(ascii: ".") || byte == UInt8(ascii: "!") || byte == UInt8(ascii: "?") {
        var after = index
        while after < range.upperBound, closers.contains(bytes[after]) { after += 1 }
        guard after < range.upperBound, isSpace(bytes[after]) else { continue }
        if byte == UInt8(ascii: "."), isAbbreviation(bytes, start..<index - 1) { continue }
        if nextIsLowerCase(bytes, after..<range.upperBound) { continue }
        index = after
        end(at: after)
      }
    }
    end(at: range.upperBound)
    return result
  }

  private static let closers: Set<UInt8> = Set(".!?\"')]*_".utf8)

  /// 。 ！ ？ in UTF-8.
  private static func isWideStop(_ bytes: [UInt8], at index: Int, before end: Int) -> Bool {
    guard index + 2 < end else { return false }
    let (first, second, third) = (bytes[index], bytes[index + 1], bytes[index + 2])
    return first == 0xE3 && second == 0x80 && third == 0x82
      || first == 0xEF && second == 0xBC && (third == 0x81 || third == 0x9F)
  }

  private static func nextIsLowerCase(_ bytes: [UInt8], _ rest: Range<Int>) -> Bool {
    guard let next = bytes[rest].first(where: { !isSpace($0) }) else { return false }
    return (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(next)
  }

  private static let abbreviations: Set<String> = [
    "dr", "mr", "mrs", "ms", "prof", "st", "no", "nr", "fig", "figs", "eq", "eqs", "sec", "ch", "vol", "p", "pp", "vs",
    "cf",
    "e.g", "i.e", "etc", "ca", "approx", "resp", "al", "inc", "ltd", "co", "z.b", "d.h", "bzw", "art", "abs", "kap",
  ]

  /// Whether what stands before a full stop is a known abbreviation or a single letter.
  private static func isAbbreviation(_ bytes: [UInt8], _ before: Range<Int>) -> Bool {
    let word = bytes[before].reversed().prefix(8).prefix { !isSpace($0) && $0 != UInt8(ascii: "(") }
    if word.count == 1, let letter = word.first, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(letter) {
      return true
    }
    return abbreviations.contains(String(decoding: word.reversed(), as: UTF8.self).lowercased())
  }

  private static func isBlankLine(_ bytes: [UInt8], _ line: Range<Int>) -> Bool {
    bytes[line].first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D } == UInt8(ascii: "\n")
  }

  /// `# `, as in Markdown: what follows on the next line is another sentence.
  private static func isHeading(_ text: ArraySlice<UInt8>) -> Bool {
    let marks = text.drop(while: isSpace).prefix(7).prefix { $0 == UInt8(ascii: "#") }
    return (1...6).contains(marks.count) && marks.endIndex < text.endIndex && isSpace(text[marks.endIndex])
  }

  /// `- `, `* `, `1. `, `|`, `> ` at the beginning of a line.
  private static func startsItem(_ bytes: [UInt8], _ line: Range<Int>) -> Bool {
    let content = bytes[line].prefix(16).drop { $0 == 0x20 || $0 == 0x09 }
    guard let first = content.first else { return false }
    if first == UInt8(ascii: "|") { return true }
    let rest = content.dropFirst()
    if Set("-*+>".utf8).contains(first) { return rest.first == 0x20 }
    let digits = content.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    let mark = content.dropFirst(digits.count)
    return !digits.isEmpty && (mark.first == UInt8(ascii: ".") || mark.first == UInt8(ascii: ")"))
      && mark.dropFirst().first == 0x20
  }
}
