import KingletErrors

/// Walks over JSON value by value, for the two parts of a `tokenizer.json` that `JSONDecoder` must not read: the
/// vocabulary and the merges.
///
/// A decoder keeps the members of an object under `String` keys, and Swift's strings are equal when they are canonically
/// equivalent. So of two tokens that differ in their normalisation only, one would be lost. It would also make hundreds
/// of thousands of objects on its way. The rest of the file is decoded first, so what comes here is JSON; what is not is
/// an error all the same.
struct JSONScanner {
  private let bytes: [UInt8]
  private let path: String
  private var position = 0

  init(_ bytes: [UInt8], path: String) {
    self.bytes = bytes
    self.path = path
  }

  /// The first byte of the next value, which tells its type.
  var nextByte: UInt8? {
    mutating get {
      while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
      return position < bytes.count ? bytes[position] : nil
    }
  }

  /// Goes into an array ("[") or object ("{").
  mutating func enter(_ opening: Unicode.Scalar) throws(KingletError) {
    guard nextByte == UInt8(ascii: opening) else { throw error("\"\(opening)\" is expected") }
    position += 1
  }

  /// Whether another element or member follows; goes out of the array ("]") or object ("}") when none does.
  mutating func hasNext(before closing: Unicode.Scalar) throws(KingletError) -> Bool {
    if nextByte == UInt8(ascii: ",") { position += 1 }
    guard let byte = nextByte else { throw error("the file ends") }
    if byte == UInt8(ascii: closing) { position += 1 }
    return byte != UInt8(ascii: closing)
  }

  /// The name of the next member, up to its value.
  mutating func key() throws(KingletError) -> [UInt8] {
    let key = try string()
    guard nextByte == UInt8(ascii: ":") else { throw error("\":\" is expected") }
    position += 1
    return key
  }

  /// A string, in UTF-8.
  mutating func string() throws(KingletError) -> [UInt8] {
    guard nextByte == UInt8(ascii: "\"") else { throw error("a string is expected") }
    position += 1
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return text
      case UInt8(ascii: "\\"): text += String(try escaped()).utf8
      default: text.append(byte)
      }
    }
    throw error("the file ends within a string")
  }

  /// A number that is an integer.
  mutating func integer() throws(KingletError) -> Int {
    guard let value = Int(scalarText()) else { throw error("an integer is expected") }
    return value
  }

  /// A number, in single precision.
  mutating func float() throws(KingletError) -> Float {
    guard let value = Float(scalarText()) else { throw error("a number is expected") }
    return value
  }

  /// Passes over a value of any type.
  mutating func skip() throws(KingletError) {
    var depth = 0
    repeat {
      switch nextByte {
      case nil: throw error("the file ends")
      case UInt8(ascii: "\""): _ = try string()
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        position += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        position += 1
      case UInt8(ascii: ","), UInt8(ascii: ":"): position += 1
      default:
        if scalarText().isEmpty { throw error("a value is expected") }
      }
    } while depth > 0
  }

  /// An error about the place that is read.
  func error(_ message: String) -> KingletError {
    KingletError(.fileCorrupt, message, at: "\(path): byte \(position)", remedy: "Download the file again")
  }

  private mutating func scalarText() -> String {
    let start = nextByte == nil ? bytes.count : position
    while position < bytes.count, !Self.endsScalar(bytes[position]) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private static func endsScalar(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}")
      || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "\"")
  }

  private mutating func escaped() throws(KingletError) -> Unicode.Scalar {
    guard position < bytes.count else { throw error("the file ends within a string") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try escapedScalar()
    default: throw error("\"\\\(Unicode.Scalar(byte))\" is no escape")
    }
  }

  /// What follows "\u"; half of a surrogate pair becomes U+FFFD.
  private mutating func escapedScalar() throws(KingletError) -> Unicode.Scalar {
    let first = try codeUnit()
    guard UTF16.isLeadSurrogate(first), bytes[position...].starts(with: Array("\\u".utf8)) else {
      return Unicode.Scalar(UInt32(first)) ?? "\u{FFFD}"
    }
    let afterFirst = position
    position += 2
    let second = try codeUnit()
    guard UTF16.isTrailSurrogate(second) else {
      position = afterFirst
      return "\u{FFFD}"
    }
    return Unicode.Scalar(0x10000 + (UInt32(first & 0x3FF) << 10 | UInt32(second & 0x3FF))) ?? "\u{FFFD}"
  }

  private mutating func codeUnit() throws(KingletError) -> UInt16 {
    let digits = bytes[position...].prefix(4)
    guard digits.count == 4, digits.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
      let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw error("\"\\u\" is not followed by four hexadecimal digits") }
    position += 4
    return unit
  }
}
