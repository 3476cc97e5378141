import KingletErrors
import KingletFiles

/// The fields of a configuration. One that is there, but not of its type, is an error: taken as if it were not there, it
/// would silently change what the adapter means. Null is as if it were not there.
struct ConfigFields {
  let path: String
  let members: [JSONValue.Member]
  /// What the names of the fields begin with in errors.
  private let prefix: String

  /// - Throws: What reading the file throws; `.fileCorrupt` when it holds no object.
  init(contentsOf path: String) throws(KingletError) {
    guard let members = try JSONValue(contentsOf: path).members else {
      throw KingletError(.fileCorrupt, "this is no object", at: path, remedy: Remedy.saveAgain)
    }
    self.init(path: path, members: members, prefix: "")
  }

  private init(path: String, members: [JSONValue.Member], prefix: String) {
    (self.path, self.members, self.prefix) = (path, members, prefix)
  }

  func bool(_ key: String) throws(KingletError) -> Bool? { try read(key, "true or false", \.bool) }
  func integer(_ key: String) throws(KingletError) -> Int? { try read(key, "a whole number", \.integer) }
  func number(_ key: String) throws(KingletError) -> Double? { try read(key, "a finite number", \.finiteNumber) }
  func string(_ key: String) throws(KingletError) -> String? { try read(key, "a text", \.string) }
  func integers(_ key: String) throws(KingletError) -> [Int]? { try read(key, "a list of whole numbers", \.integers) }
  func strings(_ key: String) throws(KingletError) -> [String]? { try read(key, "a list of texts", \.strings) }

  /// An object's own fields.
  func fields(_ key: String) throws(KingletError) -> ConfigFields? {
    try read(key, "an object", \.members).map { ConfigFields(path: path, members: $0, prefix: "\(prefix)\(key).") }
  }

  /// What `read` makes of a field; nil when it is not there.
  ///
  /// - Parameter kind: What the field must be, for the error when `read` makes nothing of it.
  func read<Value>(
    _ key: String, _ kind: String, _ read: (JSONValue) -> Value?
  ) throws(KingletError) -> Value? {
    // The last, where it is repeated, as in Python.
    guard let value = members.last(where: { $0.key == key })?.value, value != .null else { return nil }
    guard let result = read(value) else { throw wrong(key, "the value must be \(kind)") }
    return result
  }

  /// What is there, or else an error that names the field.
  func required<Value>(_ key: String, _ value: Value?, _ what: String) throws(KingletError) -> Value {
    guard let value else { throw wrong(key, "\(what) is missing") }
    return value
  }

  func location(of key: String) -> String { "\(path): \(prefix)\(key)" }

  /// An error about the value of a field.
  func wrong(_ key: String, _ message: String) -> KingletError {
    KingletError(
      .fileCorrupt, message, at: location(of: key), remedy: "Correct the field, or save the adapter again.")
  }

  /// A field that would change the result and is not applied.
  func unsupported(_ key: String, _ message: String, remedy: String) -> KingletError {
    KingletError(.unsupported, message, at: location(of: key), remedy: remedy)
  }
}

extension JSONValue {
  var finiteNumber: Double? { number.flatMap { $0.isFinite ? $0 : nil } }
  var integers: [Int]? { elements(\.integer) }
  var strings: [String]? { elements(\.string) }

  private func elements<Value>(_ read: (JSONValue) -> Value?) -> [Value]? {
    guard let array else { return nil }
    let values = array.compactMap(read)
    return values.count == array.count ? values : nil
  }
}
