import KingletErrors

/// A JSON value (RFC 8259), with whole numbers kept exact and keys kept in order.
package enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// A key of an object and its value. A repeated key is kept each time, for the reader to judge.
  package struct Member: Sendable, Equatable {
    package let key: String
    package let value: JSONValue

    package init(key: String, value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// Reads a JSON text. Integers beyond 64 bits become floats; `NaN` and `Infinity` are taken, as Python writes them.
  ///
  /// - Throws: `.fileCorrupt`, located at the byte, when the text is not JSON or is nested over 100 levels.
  package init(_ text: String) throws(KingletError) {
    var reader = JSONReader(bytes: Array(text.utf8))
    self = try reader.document()
  }

  /// Reads the JSON file at `path`, which may have `limit` bytes.
  ///
  /// - Throws: What `ByteStore` throws; `.fileCorrupt`, naming the file and the byte, when it is not JSON or too large.
  package init(contentsOf path: String, limit: Int = 1 << 26) throws(KingletError) {
    let store = try ByteStore(mapping: path, kind: "JSON")
    guard store.bytes.count <= limit else {
      throw KingletError(.fileCorrupt, "\(store.bytes.count) bytes are more than the limit of \(limit)", at: path)
    }
    guard let text = String(validating: store.bytes, as: UTF8.self) else {
      throw KingletError(.fileCorrupt, "the file is not text in UTF-8", at: path)
    }
    do throws(KingletError) { try self.init(text) } catch { throw error.located(in: path) }
  }

  /// The value of a key of an object: the last, where it is repeated. Nil when there is none, or this is no object.
  package subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key == key }?.value
  }

  /// A number without fraction that fits an `Int`, such as 16 or 16.0.
  package var integer: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  /// Any number.
  package var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  package var members: [Member]? { if case .object(let value) = self { value } else { nil } }
}
