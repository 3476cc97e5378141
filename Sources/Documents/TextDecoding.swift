import Foundation
import KingletErrors

/// Bytes as text, whatever their encoding.
struct DecodedText {
  let text: String
  let encoding: String
  /// Whether byte offsets in `text` are offsets in the file.
  let keepsOffsets: Bool
  let notes: [String]

  /// By the byte order mark; else UTF-8 if it is valid; UTF-16 if every other byte is often zero; UTF-8 with a few broken
  /// bytes, each of which becomes a question mark; or else Windows-1252, of which every byte is a character.
  ///
  /// - Returns: nil for bytes that are no text.
  init?(_ bytes: [UInt8]) {
    if bytes.starts(with: [0xFF, 0xFE]) {
      self.init(bytes, .utf16LittleEndian, "utf-16le")
    } else if bytes.starts(with: [0xFE, 0xFF]) {
      self.init(bytes, .utf16BigEndian, "utf-16be")
    } else if let (encoding, name) = Self.wideEncoding(bytes) {
      self.init(bytes, encoding, name)
    } else if Self.isBinary(bytes) {
      return nil
    } else if let text = String(validating: bytes, as: UTF8.self) {
      self.init(text: text, encoding: "utf-8", keepsOffsets: true, notes: [])
    } else {
      self.init(repairing: bytes)
    }
  }

  private init(text: String, encoding: String, keepsOffsets: Bool, notes: [String]) {
    (self.text, self.encoding, self.keepsOffsets, self.notes) = (text, encoding, keepsOffsets, notes)
  }

  private init?(_ bytes: [UInt8], _ encoding: String.Encoding, _ name: String) {
    guard var text = String(data: Data(bytes), encoding: encoding) else { return nil }
    if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
    text.makeContiguousUTF8()
    self.init(text: text, encoding: name, keepsOffsets: false, notes: [])
  }

  private init?(repairing bytes: [UInt8]) {
    let (repaired, broken, multibyte) = Self.repair(bytes)
    if multibyte >= broken, let text = String(validating: repaired, as: UTF8.self) {
      self.init(
        text: text, encoding: "utf-8", keepsOffsets: true,
        notes: ["\(broken) \(broken == 1 ? "byte is" : "bytes are") no UTF-8 and became question marks"])
    } else {
      let text = String(String.UnicodeScalarView(bytes.map(Self.windows1252)))
      self.init(text: text, encoding: "windows-1252", keepsOffsets: false, notes: [])
    }
  }

  /// UTF-16 without a mark: in the languages of Europe one of each two bytes is mostly zero.
  private static func wideEncoding(_ bytes: [UInt8]) -> (String.Encoding, String)? {
    let sample = bytes.prefix(4096)
    guard sample.count >= 16, bytes.count % 2 == 0 else { return nil }
    var zeros = [0, 0]
    for (index, byte) in sample.enumerated() {
      if byte == 0 { zeros[index % 2] += 1 }
      // Text has hardly any control characters, in any encoding.
      if byte > 0, byte < 9 { return nil }
    }
    let many = sample.count / 2 * 6 / 10
    if zeros[1] > many, zeros[0] == 0 { return (.utf16LittleEndian, "utf-16le") }
    if zeros[0] > many, zeros[1] == 0 { return (.utf16BigEndian, "utf-16be") }
    return nil
  }

  /// Text has no zero bytes and hardly any control characters.
  private static func isBinary(_ bytes: [UInt8]) -> Bool {
    let sample = bytes.prefix(1 << 16)
    var controls = 0
    for byte in sample {
      if byte == 0 { return true }
      if byte < 0x20, !(9...13).contains(byte), byte != 0x1B { controls += 1 }
    }
    return controls * 50 > sample.count
  }

  /// The bytes with each that belongs to no character replaced; how many these were, and how many characters of several
  /// bytes there are.
  private static func repair(_ bytes: [UInt8]) -> (bytes: [UInt8], broken: Int, multibyte: Int) {
    var result = bytes
    var (index, broken, multibyte) = (0, 0, 0)
    while index < bytes.count {
      let length = sequenceLength(bytes, at: index)
      if length == 0 {
        result[index] = UInt8(ascii: "?")
        broken += 1
      } else if length > 1 {
        multibyte += 1
      }
      index += max(1, length)
    }
    return (result, broken, multibyte)
  }

  /// Bytes of the well-formed UTF-8 sequence at `index`; 0 if there is none.
  private static func sequenceLength(_ bytes: [UInt8], at index: Int) -> Int {
    let first = bytes[index]
    if first < 0x80 { return 1 }
    let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
    guard (0xC2...0xF4).contains(first), index + length <= bytes.count else { return 0 }
    for next in 1..<length where bytes[index + next] & 0xC0 != 0x80 { return 0 }
    let second = bytes[index + 1]
    switch first {
    case 0xE0: return second >= 0xA0 ? length : 0
    case 0xED: return second < 0xA0 ? length : 0
    case 0xF0: return second >= 0x90 ? length : 0
    case 0xF4: return second < 0x90 ? length : 0
    default: return length
    }
  }

  private static func windows1252(_ byte: UInt8) -> Unicode.Scalar {
    guard (0x80..<0xA0).contains(byte) else { return Unicode.Scalar(byte) }
    return upperControls[Int(byte) - 0x80]
  }

  /// 0x80 to 0x9F of Windows-1252, as the WHATWG defines it.
  private static let upperControls: [Unicode.Scalar] = Array(
    "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8D}Ž\u{8F}\u{90}‘’“”•–—˜™š›œ\u{9D}žŸ".unicodeScalars)
}
