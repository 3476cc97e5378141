/// The text of a string literal, given what lies between its quotes: Python's escapes, unknown ones kept as they are.
func unescaped(_ literal: ArraySlice<Unicode.Scalar>, line: Int) throws(TemplateError) -> String {
  var text = String.UnicodeScalarView()
  var rest = literal
  while let scalar = rest.popFirst() {
    guard scalar == "\\", let letter = rest.popFirst() else {
      text.append(scalar)
      continue
    }
    switch letter {
    case "\n": break
    case "n": text.append("\n")
    case "t": text.append("\t")
    case "r": text.append("\r")
    case "a": text.append("\u{7}")
    case "b": text.append("\u{8}")
    case "f": text.append("\u{C}")
    case "v": text.append("\u{B}")
    case "\\", "'", "\"": text.append(letter)
    case "x": text.append(try codePoint(&rest, digits: 2, line: line))
    case "u": text.append(try codePoint(&rest, digits: 4, line: line))
    case "U": text.append(try codePoint(&rest, digits: 8, line: line))
    case "0"..."7":
      var value = letter.value - 0x30
      for _ in 0..<2 {
        guard let digit = rest.first, ("0"..."7").contains(digit) else { break }
        value = value * 8 + digit.value - 0x30
        rest.removeFirst()
      }
      // Three octal digits are at most 0x1FF, which is no surrogate.
      text.append(Unicode.Scalar(value) ?? "\u{FFFD}")
    default:
      text.append("\\")
      text.append(letter)
    }
  }
  return String(text)
}

private func codePoint(
  _ rest: inout ArraySlice<Unicode.Scalar>, digits: Int, line: Int
) throws(TemplateError) -> Unicode.Scalar {
  let hexadecimal = String(rest.prefix(digits))
  guard rest.count >= digits, let value = UInt32(hexadecimal, radix: 16), let scalar = Unicode.Scalar(value) else {
    throw .syntax("'\\\(hexadecimal)' is not the number of a character", line: line)
  }
  rest.removeFirst(digits)
  return scalar
}
