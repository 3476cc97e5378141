/// Cuts template source into tokens. This file deals with what lies outside of tags: text, comments, `raw` sections and
/// the control of whitespace around them (as jinja2 with `trim_blocks` and `lstrip_blocks`).
struct Lexer {
  let source: [Unicode.Scalar]
  var position = 0
  var line = 1
  var result: [Token] = []
  /// Whether whitespace up to here follows the start of a line, so that a block tag may strip it.
  private var isAtLineStart = true

  init(_ text: String) {
    // All line ends become "\n", and a single one at the very end is dropped.
    var scalars: [Unicode.Scalar] = []
    scalars.reserveCapacity(text.utf8.count)
    var previous: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      if !(scalar == "\n" && previous == "\r") { scalars.append(scalar == "\r" ? "\n" : scalar) }
      previous = scalar
    }
    if scalars.last == "\n" { scalars.removeLast() }
    source = scalars
  }

  /// All tokens, ending with `.end`.
  mutating func tokens() throws(TemplateError) -> [Token] {
    while position < source.count { try lexTextAndTag() }
    add(.end)
    return result
  }

  mutating func add(_ kind: Token.Kind) { result.append(Token(kind: kind, line: line)) }

  /// What may open after a text.
  private enum Opening { case variable, block, comment, raw }

  private mutating func lexTextAndTag() throws(TemplateError) {
    var start = position
    var opening: Opening?
    while start < source.count {
      opening = self.opening(at: start)
      if opening != nil { break }
      start += 1
    }
    guard let opening else {
      addData(position..<source.count)
      return advance(to: source.count)
    }
    let sign = scalar(at: start + 2)
    addData(position..<strippedEnd(of: position..<start, sign: sign, isVariable: opening == .variable))
    advance(to: start)
    let inside = start + (sign == "-" || sign == "+" ? 3 : 2)
    switch opening {
    case .variable:
      add(.variableBegin)
      advance(to: inside)
      try lexTag(closedBy: "}")
    case .block:
      add(.blockBegin)
      advance(to: inside)
      try lexTag(closedBy: "%")
    case .comment: try skipComment(from: inside)
    case .raw: try lexRaw(from: inside)
    }
  }

  private func opening(at start: Int) -> Opening? {
    guard source[start] == "{" else { return nil }
    switch scalar(at: start + 1) {
    case "{": return .variable
    case "#": return .comment
    case "%": return endOfKeywordTag("raw", at: start) == nil ? .block : .raw
    default: return nil
    }
  }

  /// Adds text, without the whitespace that the tag after it takes away.
  private mutating func addData(_ range: Range<Int>) {
    if !range.isEmpty { add(.data(String(source[range]))) }
  }

  /// Where the text before a tag ends once the tag's whitespace control is applied.
  private func strippedEnd(of text: Range<Int>, sign: Unicode.Scalar?, isVariable: Bool) -> Int {
    var end = text.upperBound
    if sign == "-" {
      while end > text.lowerBound, source[end - 1].isPythonSpace { end -= 1 }
      return end
    }
    if sign == "+" || isVariable { return end }
    while end > text.lowerBound, source[end - 1] != "\n", source[end - 1].isPythonSpace { end -= 1 }
    let startsLine = end > text.lowerBound ? source[end - 1] == "\n" : isAtLineStart
    return startsLine ? end : text.upperBound
  }

  private mutating func skipComment(from start: Int) throws(TemplateError) {
    var end = start
    while end < source.count, !(source[end] == "#" && scalar(at: end + 1) == "}") { end += 1 }
    guard end < source.count else { throw .syntax("Missing end of comment tag", line: line) }
    let sign = end > start ? source[end - 1] : nil
    advance(to: afterClosing(at: end, sign: sign, trimsNewline: true))
  }

  private mutating func lexRaw(from start: Int) throws(TemplateError) {
    guard let tag = endOfKeywordTag("raw", at: position) else { return }
    advance(to: tag.sign == "-" ? skippingSpace(from: tag.end) : tag.end)
    var start = position
    while start < source.count {
      if let tag = endOfKeywordTag("endraw", at: start) {
        addData(position..<strippedEnd(of: position..<start, sign: scalar(at: start + 2), isVariable: false))
        return advance(to: afterClosing(at: tag.end - 2, sign: tag.sign, trimsNewline: true))
      }
      start += 1
    }
    throw .syntax("Missing end of raw directive", line: line)
  }

  /// If `{% keyword %}` starts at `start`, where it ends and the sign before its closing.
  private func endOfKeywordTag(_ keyword: String, at start: Int) -> (end: Int, sign: Unicode.Scalar?)? {
    guard source[start] == "{", scalar(at: start + 1) == "%" else { return nil }
    var cursor = start + 2
    if scalar(at: cursor) == "-" || scalar(at: cursor) == "+" { cursor += 1 }
    cursor = skippingSpace(from: cursor)
    guard source[min(cursor, source.count)...].starts(with: keyword.unicodeScalars) else { return nil }
    cursor = skippingSpace(from: cursor + keyword.unicodeScalars.count)
    let sign = scalar(at: cursor)
    if sign == "-" || (sign == "+" && keyword == "endraw") { cursor += 1 }
    guard scalar(at: cursor) == "%", scalar(at: cursor + 1) == "}" else { return nil }
    return (cursor + 2, sign)
  }

  /// The position after a closing delimiter of two characters at `end` and the whitespace that it takes with it.
  func afterClosing(at end: Int, sign: Unicode.Scalar?, trimsNewline: Bool) -> Int {
    if sign == "-" { return skippingSpace(from: end + 2) }
    if trimsNewline, sign != "+", scalar(at: end + 2) == "\n" { return end + 3 }
    return end + 2
  }

  func skippingSpace(from start: Int) -> Int {
    var cursor = start
    while let scalar = scalar(at: cursor), scalar.isPythonSpace { cursor += 1 }
    return cursor
  }

  func scalar(at index: Int) -> Unicode.Scalar? { index < source.count ? source[index] : nil }

  /// Moves on, counting lines.
  mutating func advance(to target: Int) {
    for index in position..<target where source[index] == "\n" { line += 1 }
    if target > position { isAtLineStart = source[target - 1] == "\n" }
    position = target
  }
}
