import KingletErrors

/// Reads one message in the binary encoding of Protocol Buffers (the "wire format"), field by field.
struct ProtobufReader {
  private let bytes: ArraySlice<UInt8>
  private let path: String
  private var position: Int

  /// A field's value, by how it is encoded.
  enum Value {
    case integer(UInt64)
    case fixed64(UInt64)
    case bytes(ArraySlice<UInt8>)
    case fixed32(UInt32)
  }

  init(_ bytes: ArraySlice<UInt8>, path: String) {
    self.bytes = bytes
    self.path = path
    position = bytes.startIndex
  }

  /// The next field with its number, or nil at the end.
  mutating func next() throws(KingletError) -> (field: Int, value: Value)? {
    guard position < bytes.endIndex else { return nil }
    let key = try varint()
    guard key >> 3 > 0, let field = Int32(exactly: key >> 3) else { throw error("a field has the number \(key >> 3)") }
    switch key & 7 {
    case 0: return (Int(field), .integer(try varint()))
    case 1: return (Int(field), .fixed64(littleEndian(try take(8))))
    case 2:
      let length = try varint()
      guard let count = Int(exactly: length) else { throw error("a field has \(length) bytes") }
      return (Int(field), .bytes(try take(count)))
    case 5: return (Int(field), .fixed32(UInt32(truncatingIfNeeded: littleEndian(try take(4)))))
    // Groups, which nothing has used for long, and numbers without a meaning.
    default: throw error("a field is encoded in the way \(key & 7), which is not known")
    }
  }

  /// An error about the place that is read.
  func error(_ message: String) -> KingletError {
    KingletError(.fileCorrupt, message, at: "\(path): byte \(position)", remedy: "Download the file again")
  }

  private mutating func take(_ count: Int) throws(KingletError) -> ArraySlice<UInt8> {
    guard count <= bytes.endIndex - position else { throw error("the file ends within a field") }
    defer { position += count }
    return bytes[position..<position + count]
  }

  /// Seven bits a byte, the low ones first.
  private mutating func varint() throws(KingletError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard position < bytes.endIndex else { throw error("the file ends within a number") }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw error("a number has more than 64 bits")
  }

  private func littleEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
