import KingletErrors

/// A recursive-descent reader over the bytes of a JSON text.
struct JSONReader {
  let bytes: [UInt8]
  private var position = 0
  private var nesting = 0

  private static let deepestNesting = 100

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(KingletError) -> JSONValue {
    let value = try value()
    skipSpace()
    guard position == bytes.count else { throw failure("text after the end of the value") }
    return value
  }

  private mutating func value() throws(KingletError) -> JSONValue {
    skipSpace()
    guard position < bytes.count else { throw failure("a value is missing") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return try nested { (reader) throws(KingletError) in .object(try reader.object()) }
    case UInt8(ascii: "["): return try nested { (reader) throws(KingletError) in .array(try reader.array()) }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "N"): return try literal("NaN", .number(.nan))
    case UInt8(ascii: "I"): return try literal("Infinity", .number(.infinity))
    default: return try number()
    }
  }

  private mutating func nested(
    _ body: (inout JSONReader) throws(KingletError) -> JSONValue
  ) throws(KingletError) -> JSONValue {
    guard nesting < Self.deepestNesting else { throw failure("more than \(Self.deepestNesting) levels of nesting") }
    nesting += 1
    defer { nesting -= 1 }
    position += 1
    return try body(&self)
  }

  private mutating func object() throws(KingletError) -> [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    if skip("}") { return members }
    repeat {
      skipSpace()
      let key = try string()
      guard skip(":") else { throw failure("':' is missing") }
      members.append(.init(key: key, value: try value()))
    } while skip(",")
    guard skip("}") else { throw failure("',' or '}' is missing") }
    return members
  }

  private mutating func array() throws(KingletError) -> [JSONValue] {
    var elements: [JSONValue] = []
    if skip("]") { return elements }
    repeat { elements.append(try value()) } while skip(",")
    guard skip("]") else { throw failure("',' or ']' is missing") }
    return elements
  }

  private mutating func number() throws(KingletError) -> JSONValue {
    let start = position
    if bytes[position...].starts(with: "-Infinity".utf8) { return try literal("-Infinity", .number(-.infinity)) }
    while position < bytes.count, Self.isNumeric(bytes[position]) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if let integer = Int(text), !text.utf8.starts(with: "+".utf8) { return .integer(integer) }
    guard let first = text.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "."), let double = Double(text)
    else {
      position = start
      throw failure("not a value")
    }
    return .number(double)
  }

  private static func isNumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
      UInt8(ascii: "e"), UInt8(ascii: "E"):
      true
    default: false
    }
  }

  private mutating func literal(_ text: String, _ value: JSONValue) throws(KingletError) -> JSONValue {
    guard bytes[position...].starts(with: text.utf8) else { throw failure("not a value") }
    position += text.utf8.count
    return value
  }

  private mutating func string() throws(KingletError) -> String {
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw failure("a string is missing") }
    position += 1
    var text = ""
    var start = position
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        text += String(decoding: bytes[start..<position], as: UTF8.self)
        position += 1
        return text
      case UInt8(ascii: "\\"):
        text += String(decoding: bytes[start..<position], as: UTF8.self)
        position += 1
        text.unicodeScalars.append(try escape())
        start = position
      case 0..<0x20: throw failure("a control character in a string")
      default: position += 1
      }
    }
    throw failure("a string does not end")
  }

  private mutating func escape() throws(KingletError) -> Unicode.Scalar {
    guard position < bytes.count else { throw failure("a string does not end") }
    defer { position += 1 }
    switch bytes[position] {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw failure("an unknown escape")
    }
  }

  /// After `\u`; leaves `position` on the last digit. Half a surrogate pair becomes U+FFFD.
  private mutating func unicodeEscape() throws(KingletError) -> Unicode.Scalar {
    let high = try hexadecimal(at: position + 1)
    position += 4
    guard UTF16.isLeadSurrogate(high), bytes[(position + 1)...].starts(with: "\\u".utf8) else {
      return Unicode.Scalar(high) ?? "\u{FFFD}"
    }
    let low = try hexadecimal(at: position + 3)
    guard UTF16.isTrailSurrogate(low) else { return "\u{FFFD}" }
    position += 6
    return UTF16.decode(UTF16.EncodedScalar([high, low]))
  }

  private func hexadecimal(at start: Int) throws(KingletError) -> UInt16 {
    guard start + 4 <= bytes.count,
      let unit = UInt16(String(decoding: bytes[start..<start + 4], as: UTF8.self), radix: 16)
    else {
      throw failure("\\u needs four hexadecimal digits")
    }
    return unit
  }

  private mutating func skip(_ mark: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: mark) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }

  private func failure(_ message: String) -> KingletError {
    KingletError(.fileCorrupt, "not JSON: \(message)", at: "byte \(position)")
  }
}
