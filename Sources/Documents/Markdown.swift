/// Markdown as far as finding passages takes: headings (with `#`, or underlined), fenced code, front matter, paragraphs.
/// The text itself stays as it is, so that offsets hold in the file.
struct Markdown {
  private let text: TextLines
  private var blocks: [Block] = []
  /// The headings above, with their levels.
  private var headings: [(level: Int, text: String)] = []
  private var paragraph: Range<Int>?
  private var title: String?

  static func load(_ decoded: DecodedText) -> LoadedDocument {
    var parser = Markdown(text: TextLines(decoded.text))
    parser.parse()
    return LoadedDocument(
      format: .markdown, encoding: decoded.encoding, title: parser.title, text: decoded.text, blocks: parser.blocks,
      matchesFile: decoded.keepsOffsets, notes: decoded.notes)
  }

  private init(text: TextLines) { self.text = text }

  private mutating func parse() {
    var fence: (mark: UInt8, length: Int, start: Int)?
    var index = skipFrontMatter()
    while index < text.lines.count {
      let line = text.trimmed(text.lines[index])
      index += 1
      if let open = fence {
        // A fence ends with at least as many of the same marks, and nothing after them.
        let closing = run(of: open.mark, in: line)
        if closing >= open.length, closing == line.count {
          append(.code, open.start..<line.upperBound)
          fence = nil
        }
      } else if let (mark, length) = fenceMark(line) {
        endParagraph()
        fence = (mark, length, line.lowerBound)
      } else if line.isEmpty {
        endParagraph()
      } else if let (level, content) = heading(line) {
        endParagraph()
        appendHeading(level, content, line)
      } else if let underlined = paragraph, let level = underline(line) {
        paragraph = nil
        appendHeading(level, text.string(underlined), underlined.lowerBound..<line.upperBound)
      } else {
        paragraph = (paragraph?.lowerBound ?? line.lowerBound)..<line.upperBound
      }
    }
    if let fence { append(.code, text.trimmed(fence.start..<text.bytes.count)) }
    endParagraph()
  }

  /// The first line after front matter, of which the title is read.
  private mutating func skipFrontMatter() -> Int {
    guard let first = text.lines.first, text.string(text.trimmed(first)) == "---" else { return 0 }
    for (index, line) in text.lines.enumerated().dropFirst().prefix(200) {
      let content = text.string(text.trimmed(line))
      if content == "---" || content == "..." { return index + 1 }
      guard title == nil, content.hasPrefix("title:") else { continue }
      let value = content.dropFirst("title:".count).drop { $0 == " " }
      let isQuoted = value.count > 1 && (value.first == "\"" || value.first == "'") && value.last == value.first
      title = headingText(isQuoted ? value.dropFirst().dropLast() : value)
    }
    title = nil
    return 0
  }

  private mutating func endParagraph() {
    if let range = paragraph { append(.prose, range) }
    paragraph = nil
  }

  private mutating func append(_ kind: Block.Kind, _ range: Range<Int>) {
    blocks.append(Block(kind, range, heading: headings.map(\.text)))
  }

  private mutating func appendHeading(_ level: Int, _ content: String, _ range: Range<Int>) {
    headings.removeAll { $0.level >= level }
    let content = headingText(content)
    headings.append((level, content))
    if title == nil, level == 1 { title = content }
    append(.heading, range)
  }

  /// `## Text ##`.
  private func heading(_ line: Range<Int>) -> (Int, String)? {
    let level = run(of: UInt8(ascii: "#"), in: line)
    guard (1...6).contains(level) else { return nil }
    var content = line.lowerBound + level..<line.upperBound
    guard content.isEmpty || isSpace(text.bytes[content.lowerBound]) else { return nil }
    content = text.trimmed(content)
    var end = content.upperBound
    while end > content.lowerBound, text.bytes[end - 1] == UInt8(ascii: "#") { end -= 1 }
    if end == content.lowerBound || isSpace(text.bytes[end - 1]) { content = content.lowerBound..<end }
    return (level, text.string(text.trimmed(content)))
  }

  private func underline(_ line: Range<Int>) -> Int? {
    if run(of: UInt8(ascii: "="), in: line) == line.count { return 1 }
    // One or two dashes are more often a list or a dash.
    return line.count >= 3 && run(of: UInt8(ascii: "-"), in: line) == line.count ? 2 : nil
  }

  private func fenceMark(_ line: Range<Int>) -> (UInt8, Int)? {
    for mark in [UInt8(ascii: "`"), UInt8(ascii: "~")] {
      let length = run(of: mark, in: line)
      if length >= 3 { return (mark, length) }
    }
    return nil
  }

  private func run(of mark: UInt8, in line: Range<Int>) -> Int {
    text.bytes[line].prefix { $0 == mark }.count
  }
}
