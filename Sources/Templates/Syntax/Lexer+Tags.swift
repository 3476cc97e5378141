// The inside of tags: names, numbers, strings and operators.
extension Lexer {
  /// Cuts what lies between the opening of a tag, just passed, and its closing: `%}` or `}}`.
  mutating func lexTag(closedBy first: Unicode.Scalar) throws(TemplateError) {
    var open: [Token.Mark] = []
    while true {
      advance(to: skippingSpace(from: position))
      guard position < source.count else { return }
      if open.isEmpty, let end = closing(first) {
        add(first == "%" ? .blockEnd : .variableEnd)
        return advance(to: end)
      }
      let scalar = source[position]
      if Self.isDigit(scalar) {
        try lexNumber()
      } else if scalar == "_" || scalar.properties.isXIDStart {
        lexName()
      } else if scalar == "'" || scalar == "\"" {
        try lexString(quote: scalar)
      } else {
        try lexMark(&open)
      }
    }
  }

  /// The position after the closing of the tag, if it comes next.
  private func closing(_ first: Unicode.Scalar) -> Int? {
    let sign = source[position]
    let isSigned = sign == "-" || (sign == "+" && first == "%")
    let end = position + (isSigned ? 1 : 0)
    guard scalar(at: end) == first, scalar(at: end + 1) == "}" else { return nil }
    return afterClosing(at: end, sign: isSigned ? sign : nil, trimsNewline: first == "%")
  }

  private mutating func lexName() {
    var end = position + 1
    while let scalar = scalar(at: end), scalar.properties.isXIDContinue { end += 1 }
    add(.name(String(source[position..<end])))
    advance(to: end)
  }

  private mutating func lexMark(_ open: inout [Token.Mark]) throws(TemplateError) {
    let two = String(source[position..<min(position + 2, source.count)])
    guard let mark = Token.Mark(rawValue: two) ?? Token.Mark(rawValue: String(source[position])) else {
      throw unexpectedCharacter()
    }
    switch mark {
    case .openBrace, .openBracket, .openParenthesis: open.append(mark)
    case .closeBrace, .closeBracket, .closeParenthesis:
      let expected: Token.Mark? =
        switch open.popLast() {
        case .openBrace: .closeBrace
        case .openBracket: .closeBracket
        case .openParenthesis: .closeParenthesis
        default: nil
        }
      guard let expected else { throw .syntax("unexpected '\(mark.rawValue)'", line: line) }
      guard mark == expected else {
        throw .syntax("unexpected '\(mark.rawValue)', expected '\(expected.rawValue)'", line: line)
      }
    default: break
    }
    add(.mark(mark))
    advance(to: position + mark.rawValue.utf8.count)
  }

  private mutating func lexString(quote: Unicode.Scalar) throws(TemplateError) {
    var end = position + 1
    while let scalar = scalar(at: end), scalar != quote { end += scalar == "\\" ? 2 : 1 }
    guard end < source.count else { throw unexpectedCharacter() }
    add(.string(try unescaped(source[(position + 1)..<end], line: line)))
    advance(to: end + 1)
  }

  private mutating func lexNumber() throws(TemplateError) {
    if let prefixed = try lexPrefixedInteger() { return add(.integer(prefixed)) }
    let isIndex = result.last?.kind == .mark(.dot)
    var end = endOfDigits(from: position)
    var isFloat = false
    if !isIndex {
      if scalar(at: end) == ".", let next = scalar(at: end + 1), Self.isDigit(next) {
        isFloat = true
        end = endOfDigits(from: end + 1)
      }
      if scalar(at: end) == "e" || scalar(at: end) == "E" {
        let isSigned = scalar(at: end + 1) == "+" || scalar(at: end + 1) == "-"
        let digits = end + (isSigned ? 2 : 1)
        if let next = scalar(at: digits), Self.isDigit(next) {
          isFloat = true
          end = endOfDigits(from: digits)
        }
      }
    }
    let text = String(source[position..<end].filter { $0 != "_" })
    if isFloat {
      guard let number = Double(text) else { throw unexpectedCharacter() }
      add(.float(number))
    } else {
      guard !text.hasPrefix("0") || text.allSatisfy({ $0 == "0" }) else { throw unexpectedCharacter() }
      guard let number = Int(text) else { throw TemplateError(.overflow, "integer beyond 64 bits", line: line) }
      add(.integer(number))
    }
    advance(to: end)
  }

  /// `0x1F`, `0o17` and `0b11`.
  private mutating func lexPrefixedInteger() throws(TemplateError) -> Int? {
    guard source[position] == "0", let letter = scalar(at: position + 1) else { return nil }
    let radix: Int? =
      switch letter {
      case "x", "X": 16
      case "o", "O": 8
      case "b", "B": 2
      default: nil
      }
    guard let radix else { return nil }
    var end = position + 2
    while let scalar = scalar(at: end), scalar == "_" || Int(String(scalar), radix: radix) != nil { end += 1 }
    let digits = String(source[(position + 2)..<end].filter { $0 != "_" })
    guard !digits.isEmpty else { return nil }
    guard let number = Int(digits, radix: radix) else {
      throw TemplateError(.overflow, "integer beyond 64 bits", line: line)
    }
    advance(to: end)
    return number
  }

  private func endOfDigits(from start: Int) -> Int {
    var end = start
    while let scalar = scalar(at: end) {
      let isSeparator = scalar == "_" && end > start && self.scalar(at: end + 1).map(Self.isDigit) == true
      guard Self.isDigit(scalar) || isSeparator else { break }
      end += 1
    }
    return end
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

  private func unexpectedCharacter() -> TemplateError {
    .syntax("unexpected char '\(source[position].escaped(asASCII: false))' at \(position)", line: line)
  }
}
