/// The SHA-256 of some bytes: what tells an unchanged file or chunk from a changed one.
public struct ContentHash: Sendable, Hashable, CustomStringConvertible {
  public let bytes: [UInt8]

  public init(_ content: [UInt8]) {
    var hash = SHA256()
    hash.update(content)
    bytes = hash.finalize()
  }

  /// Of several texts, each with its length before it, so that no two lists are the same bytes.
  public init(of parts: [String]) {
    var hash = SHA256()
    for part in parts {
      withUnsafeBytes(of: UInt64(part.utf8.count).littleEndian) { hash.update($0) }
      hash.update(part.utf8)
    }
    bytes = hash.finalize()
  }

  /// In hexadecimal digits.
  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
