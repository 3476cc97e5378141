/// U+2581, which SentencePiece writes for a space.
enum SpaceMark {
  /// The text with a space for each mark.
  static func decode(_ text: [UInt8]) -> [UInt8] {
    guard text.contains(0xE2) else { return text }
    var decoded: [UInt8] = []
    decoded.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      if text[index...].starts(with: [0xE2, 0x96, 0x81]) {
        decoded.append(UInt8(ascii: " "))
        index += 3
      } else {
        decoded.append(text[index])
        index += 1
      }
    }
    return decoded
  }
}
