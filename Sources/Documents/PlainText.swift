/// Plain text: paragraphs between blank lines. A form feed ends one, too.
enum PlainText {
  static func load(_ decoded: DecodedText) -> LoadedDocument {
    LoadedDocument(
      format: .text, encoding: decoded.encoding, text: decoded.text, blocks: paragraphs(TextLines(decoded.text)),
      matchesFile: decoded.keepsOffsets, notes: decoded.notes)
  }

  /// The paragraphs of some text.
  static func paragraphs(_ text: TextLines) -> [Block] {
    var blocks: [Block] = []
    var current: Range<Int>?
    for line in text.lines {
      let content = text.trimmed(line)
      if content.isEmpty {
        if let range = current { blocks.append(Block(.prose, range)) }
        current = nil
      } else {
        current = (current?.lowerBound ?? content.lowerBound)..<content.upperBound
      }
    }
    if let range = current { blocks.append(Block(.prose, range)) }
    return blocks
  }
}
