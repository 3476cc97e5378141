/// What SentencePiece does to a text before it looks for pieces (its `Normalizer`): characters are replaced, and runs of
/// spaces become one.
struct UnigramNormalizer: Sendable {
  var charsmap: Charsmap?
  /// Whether a text starts with a space that is not part of it.
  var addsSpacePrefix = true
  /// Whether spaces at the ends go and a run of them counts once.
  var mergesSpaces = true

  /// The normal form of `text[range]`, with a space for each mark of one.
  func normalize(_ text: [UInt8], _ range: Range<Int>) -> [UInt8] {
    let space = UInt8(ascii: " ")
    var normal: [UInt8] = []
    normal.reserveCapacity(range.count + 1)
    if addsSpacePrefix { normal.append(space) }
    let start = normal.count
    var isAfterSpace = false
    func append(_ bytes: ArraySlice<UInt8>) {
      for byte in bytes {
        if mergesSpaces, byte == space {
          isAfterSpace = true
          continue
        }
        if isAfterSpace, normal.count > start { normal.append(space) }
        isAfterSpace = false
        normal.append(byte)
      }
    }
    var position = range.lowerBound
    while position < range.upperBound {
      if let found = charsmap?.replacement(in: text, at: position, before: range.upperBound) {
        append(found.text)
        position += found.length
      } else {
        let end = endOfCharacter(text, position, before: range.upperBound)
        append(text[position..<end])
        position = end
      }
    }
    return normal.count == start ? [] : SpaceMark.decode(normal)
  }
}

/// Where the character that starts at `position` ends.
func endOfCharacter(_ text: [UInt8], _ position: Int, before limit: Int) -> Int {
  var end = position + 1
  while end < limit, text[end] & 0xC0 == 0x80 { end += 1 }
  return end
}
