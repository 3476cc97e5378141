import KingletErrors
import KingletFiles

/// CSV (RFC 4180) and TSV. Byte by byte, with memory for one record: columns that are missing or too many cost nothing.
struct DelimitedText {
  private let bytes: [UInt8]
  private let delimiter: UInt8
  private var position = 0

  static func load(
    _ decoded: DecodedText, _ format: DocumentFormat, _ options: LoadingOptions
  ) throws(KingletError) -> LoadedDocument {
    let bytes = Array(decoded.text.utf8)
    var reader = DelimitedText(
      bytes: bytes, delimiter: format == .tsv ? UInt8(ascii: "\t") : delimiter(of: bytes))
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.position = 3 }
    var writer = try RecordWriter(format, options)
    writer.notes = decoded.notes
    guard let header = try reader.record() else { return writer.document(encoding: decoded.encoding) }
    var row = 0
    while let values = try reader.record() {
      row += 1
      // A blank line is no record.
      if values.count == 1, values[0].isEmpty { continue }
      var members: [JSONValue.Member] = []
      for (index, value) in values.enumerated() {
        let name = index < header.count ? header[index] : ""
        let key = name.isEmpty ? "column \(index + 1)" : name
        members.append(.init(key: key, value: typed(value)))
      }
      writer.append(.object(members), row: row)
    }
    return writer.document(encoding: decoded.encoding)
  }

  private init(bytes: [UInt8], delimiter: UInt8) {
    self.bytes = bytes
    self.delimiter = delimiter
  }

  /// The commonest of comma, semicolon and tab in the first line.
  private static func delimiter(of bytes: [UInt8]) -> UInt8 {
    let line = bytes.prefix(1 << 16).prefix { $0 != UInt8(ascii: "\n") }
    let marks = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]
    return marks.max { first, second in
      line.count { $0 == first } < line.count { $0 == second }
    } ?? marks[0]
  }

  /// A number stays one only if it would be written the same way: `007` is text.
  private static func typed(_ value: String) -> JSONValue {
    if let integer = Int(value), "\(integer)" == value { return .integer(integer) }
    if value.utf8.count < 24, let number = Double(value), "\(number)" == value, number.isFinite {
      return .number(number)
    }
    return .string(value)
  }

  /// The next record; nil at the end.
  private mutating func record() throws(KingletError) -> [String]? {
    guard position < bytes.count else { return nil }
    var fields: [String] = []
    while true {
      fields.append(try field())
      guard position < bytes.count, bytes[position] == delimiter else { break }
      position += 1
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: "\r") { position += 1 }
    if position < bytes.count, bytes[position] == UInt8(ascii: "\n") { position += 1 }
    return fields
  }

  /// A field, without its quotation marks; stops at the delimiter or the line break after it.
  private mutating func field() throws(KingletError) -> String {
    let start = position
    guard start < bytes.count, bytes[start] == UInt8(ascii: "\"") else { return plainField() }
    var value: [UInt8] = []
    position += 1
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte != UInt8(ascii: "\"") {
        value.append(byte)
      } else if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
        value.append(byte)
        position += 1
      } else {
        // What follows a closing mark is kept, as spreadsheets keep it.
        return String(decoding: value, as: UTF8.self) + plainField()
      }
    }
    throw KingletError(.fileCorrupt, "a field in quotation marks does not end", at: "byte \(start)")
  }

  private mutating func plainField() -> String {
    let start = position
    while position < bytes.count, bytes[position] != delimiter, bytes[position] != UInt8(ascii: "\n") { position += 1 }
    var end = position
    if end > start, end < bytes.count, bytes[end] == UInt8(ascii: "\n"), bytes[end - 1] == UInt8(ascii: "\r") {
      end -= 1
    }
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }
}
