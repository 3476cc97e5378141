/// U+2581, which SentencePiece writes for a space.
enum SpaceMark {
  /// The mark in UTF-8.
  static let bytes: [UInt8] = [0xE2, 0x96, 0x81]

  /// The text with a space for each mark.
  static func decode(_ text: [UInt8]) -> [UInt8] {
    guard text.contains(0xE2) else { return text }
    var decoded: [UInt8] = []
    decoded.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      if text[index...].starts(with: bytes) {
        decoded.append(UInt8(ascii: " "))
        index += bytes.count
      } else {
        decoded.append(text[index])
        index += 1
      }
    }
    return decoded
  }
}
