/// The lines of a text as ranges of its bytes, and the questions that loaders ask of them.
struct TextLines {
  let bytes: [UInt8]
  /// Without their line breaks.
  let lines: [Range<Int>]

  init(_ text: String) {
    let bytes = Array(text.utf8)
    var lines: [Range<Int>] = []
    var start = 0
    for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
      lines.append(start..<(index > start && bytes[index - 1] == UInt8(ascii: "\r") ? index - 1 : index))
      start = index + 1
    }
    if start < bytes.count { lines.append(start..<bytes.count) }
    self.bytes = bytes
    self.lines = lines
  }

  /// A range without the white space (and byte order mark) around it.
  func trimmed(_ range: Range<Int>) -> Range<Int> {
    var range = range
    if bytes[range].starts(with: [0xEF, 0xBB, 0xBF]) { range = range.lowerBound + 3..<range.upperBound }
    while let first = bytes[range].first, isSpace(first) { range = range.lowerBound + 1..<range.upperBound }
    while let last = bytes[range].last, isSpace(last) { range = range.lowerBound..<range.upperBound - 1 }
    return range
  }

  func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}

/// The white space of ASCII.
func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

/// A title or heading on one line, cut where it is plainly none: each chunk below it carries it.
func headingText(_ text: some StringProtocol) -> String {
  let line = text.prefix(4096).split(whereSeparator: \.isWhitespace).joined(separator: " ")
  return line.count <= 200 ? line : line.prefix(199) + "…"
}
