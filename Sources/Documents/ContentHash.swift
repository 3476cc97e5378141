#if canImport(CryptoKit)
  import CryptoKit
#else
  import CCrypto
#endif

/// The SHA-256 of some bytes: what tells an unchanged file or chunk from a changed one.
public struct ContentHash: Sendable, Hashable, CustomStringConvertible {
  public let bytes: [UInt8]

  public init(_ content: [UInt8]) {
    #if canImport(CryptoKit)
      bytes = Array(SHA256.hash(data: content))
    #else
      bytes = [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) { digest, count in
        _ = SHA256(content, content.count, digest.baseAddress)
        count = digest.count
      }
    #endif
  }

  /// Of several texts, each with its length before it, so that no two lists are the same bytes.
  public init(of parts: [String]) {
    var content: [UInt8] = []
    for part in parts {
      withUnsafeBytes(of: UInt64(part.utf8.count).littleEndian) { content += $0 }
      content += part.utf8
    }
    self.init(content)
  }

  /// In hexadecimal digits.
  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
