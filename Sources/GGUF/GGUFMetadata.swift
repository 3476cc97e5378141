import KingletErrors
import KingletFiles

/// The key-value pairs of a file.
///
/// The typed functions return nil for a missing key and throw `.fileCorrupt`, naming the key and the byte offset of its
/// value, when the value is of another type or out of range. Those called `required…` throw for a missing key too.
public struct GGUFMetadata: Sendable {
  struct Entry: Sendable {
    let key: String
    let value: GGUFValue
    /// Where the value lies in its file, or nil when it comes from none.
    let offset: Int?
  }

  /// The file that the pairs come from, or what stands for it in errors.
  public let path: String
  let entries: [Entry]
  let indices: [String: Int]

  /// All keys, in the order of the file.
  public var keys: [String] { entries.map(\.key) }

  /// The value of `key`, or nil when there is none.
  public subscript(key: String) -> GGUFValue? { entry(key)?.value }

  /// A number of any integer type.
  public func integer(_ key: String) throws(KingletError) -> Int? { try read(key, "an integer", \.integer) }
  /// A number of any type, in single precision.
  public func float(_ key: String) throws(KingletError) -> Float? { try read(key, "a number", \.float) }
  /// A bool.
  public func bool(_ key: String) throws(KingletError) -> Bool? { try read(key, "a bool", \.bool) }
  /// A string.
  public func string(_ key: String) throws(KingletError) -> String? { try read(key, "a string", \.string) }
  /// An array of any integer type.
  public func integers(_ key: String) throws(KingletError) -> [Int]? {
    try read(key, "an array of integers", \.array?.integers)
  }
  /// An array of any integer type whose numbers all fit a byte: an eighth of the memory.
  public func bytes(_ key: String) throws(KingletError) -> [UInt8]? {
    try read(key, "an array of integers from 0 to 255", \.array?.bytes)
  }
  /// An array of any number type, in single precision.
  public func floats(_ key: String) throws(KingletError) -> [Float]? {
    try read(key, "an array of numbers", \.array?.floats)
  }
  /// An array of bools.
  public func bools(_ key: String) throws(KingletError) -> [Bool]? {
    try read(key, "an array of bools", \.array?.bools)
  }
  /// An array of strings, left in the file.
  public func strings(_ key: String) throws(KingletError) -> GGUFStrings? {
    try read(key, "an array of strings", \.array?.strings)
  }

  /// `integer(_:)` of a key that must be there.
  public func requiredInteger(_ key: String) throws(KingletError) -> Int { try required(key, integer(key)) }
  /// `float(_:)` of a key that must be there.
  public func requiredFloat(_ key: String) throws(KingletError) -> Float { try required(key, float(key)) }
  /// `string(_:)` of a key that must be there.
  public func requiredString(_ key: String) throws(KingletError) -> String { try required(key, string(key)) }
  /// `strings(_:)` of a key that must be there.
  public func requiredStrings(_ key: String) throws(KingletError) -> GGUFStrings { try required(key, strings(key)) }

  /// An error about the value of `key`, for a reader who finds that it makes no sense.
  public func corrupt(_ key: String, _ message: String) -> KingletError {
    KingletError(.fileCorrupt, message, at: location(of: key))
  }

  func location(of key: String) -> String {
    "\(path): key \(quoted(key))" + (entry(key)?.offset.map { ", byte \($0)" } ?? "")
  }

  private func entry(_ key: String) -> Entry? { indices[key].map { entries[$0] } }

  private func read<T>(
    _ key: String, _ wanted: String, _ conversion: (GGUFValue) -> T?
  ) throws(KingletError) -> T? {
    guard let value = self[key] else { return nil }
    guard let result = conversion(value) else {
      let found = value.array.map { "array of \($0.elementType)" } ?? "\(value.type)"
      throw corrupt(key, "the value (\(found)) is not \(wanted), or out of range")
    }
    return result
  }

  private func required<T>(_ key: String, _ value: T?) throws(KingletError) -> T {
    guard let value else { throw corrupt(key, "the key is missing") }
    return value
  }
}
