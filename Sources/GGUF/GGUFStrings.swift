/// The strings of an array in a file's metadata, such as a vocabulary: the bytes stay in the mapping, and a `String` is
/// made only of what is asked for.
///
/// Costs four bytes a string: a vocabulary of 262,144 takes 1 MB.
public struct GGUFStrings: Sendable {
  /// Each string is preceded by its length in 64 bits.
  static let lengthByteCount = 8

  let view: ByteView
  /// Where each string starts in `view`, and one more as if another followed. Lengths are differences of these, so
  /// that they are never read from the file again after they were checked.
  let starts: [UInt32]

  /// The number of strings.
  public var count: Int { starts.count - 1 }

  /// The sum of the strings' lengths, in bytes.
  public var totalByteCount: Int { view.range.count - count * Self.lengthByteCount }

  /// Calls `body` with the bytes of one string. They need not be UTF-8, and the pointer is valid during the call.
  public func withBytes<R, E>(
    at index: Int, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    let start = view.range.lowerBound + Int(starts[index])
    let end = view.range.lowerBound + Int(starts[index + 1]) - Self.lengthByteCount
    return try body(UnsafeRawBufferPointer(rebasing: view.store.bytes[start..<end]))
  }
}

extension GGUFStrings: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { count }

  /// One string; where its bytes are not UTF-8, with replacement characters.
  public subscript(index: Int) -> String {
    withBytes(at: index) { String(decoding: $0, as: UTF8.self) }
  }
}
