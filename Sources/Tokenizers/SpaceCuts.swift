/// The places where no token of a SentencePiece vocabulary can lie across, so that text may be cut there: words stay in
/// the cache, which a text of a megabyte does not.
struct SpaceCuts: Sendable {
  /// The bytes that stand before a space inside a token. Before a space that follows any other byte, text is cut.
  private var bytesBeforeSpace = [Bool](repeating: false, count: 256)

  init(_ vocabulary: Vocabulary) {
    let space = UInt8(ascii: " ")
    let bytes = vocabulary.bytes.span
    for id in vocabulary.ids {
      guard let range = vocabulary.range(of: id), range.count > 1 else { continue }
      for index in range.lowerBound + 1..<range.upperBound where bytes[index] == space {
        bytesBeforeSpace[Int(bytes[index - 1])] = true
      }
    }
  }

  /// The first cut after `start`, or `limit`.
  func next(in text: [UInt8], after start: Int, before limit: Int) -> Int {
    let space = UInt8(ascii: " ")
    var end = start + 1
    while end < limit, text[end] != space || text[end - 1] == space || bytesBeforeSpace[Int(text[end - 1])] { end += 1 }
    return end
  }
}
