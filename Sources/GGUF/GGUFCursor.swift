import KingletErrors
import KingletFiles

/// Reads a file from its start, and never beyond its end.
///
/// Facets read the parts: the header, metadata and the tensor table. `subject` says what is being read, for errors. The
/// small steps are inlined because a vocabulary and its merges take half a million of them (a third of the time saved).
struct GGUFCursor {
  let store: ByteStore
  let path: String
  /// The offset of the next byte; at most `store.bytes.count`.
  private(set) var offset = 0
  /// The key or tensor being read, in words.
  var subject = "header"

  init(store: ByteStore, path: String) {
    self.store = store
    self.path = path
  }

  var remaining: Int { store.bytes.count - offset }

  /// An error about what begins at `offset` (by default the next byte).
  func corrupt(_ message: String, at offset: Int? = nil, remedy: String? = nil) -> KingletError {
    KingletError(.fileCorrupt, message, at: location(offset ?? self.offset), remedy: remedy)
  }

  func location(_ offset: Int) -> String { "\(path): \(subject), byte \(offset)" }

  /// Moves over `count` bytes and returns where they are; `count` comes from the file and may be anything.
  @inline(__always)
  mutating func skip(_ count: UInt64, _ what: StaticString) throws(KingletError) -> Range<Int> {
    guard count <= UInt64(remaining) else {
      throw corrupt(
        "\(what) takes \(count) bytes, but the file ends after \(remaining)", remedy: incompleteFileRemedy)
    }
    let start = offset
    offset += Int(count)
    return start..<offset
  }

  /// The next little-endian integer.
  @inline(__always)
  mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
    _ what: StaticString, as: T.Type = T.self
  ) throws(KingletError) -> T {
    let range = try skip(UInt64(MemoryLayout<T>.size), what)
    return T(littleEndian: store.bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: T.self))
  }

  /// The next 64-bit count, which must not exceed `limit`, nor what the rest of the file can hold at `size` bytes each.
  mutating func count(_ what: StaticString, limit: Int, minimumByteCount size: Int) throws(KingletError) -> Int {
    let start = offset
    let count = try integer(what, as: UInt64.self)
    guard count <= UInt64(limit) else {
      throw corrupt("\(what) is \(count), more than the limit of \(limit)", at: start)
    }
    guard count <= UInt64(remaining / size) else {
      throw corrupt(
        "\(what) is \(count), more than the remaining \(remaining) bytes can hold", at: start,
        remedy: incompleteFileRemedy)
    }
    return Int(count)
  }

  /// The next string: a 64-bit length, then as many bytes.
  @inline(__always)
  mutating func stringBytes(_ what: StaticString) throws(KingletError) -> UnsafeRawBufferPointer {
    let length = try integer(what, as: UInt64.self)
    return UnsafeRawBufferPointer(rebasing: store.bytes[try skip(length, what)])
  }

  /// The next string, which names something: UTF-8, not empty, and at most `limit` bytes.
  mutating func name(_ what: StaticString, limit: Int) throws(KingletError) -> String {
    let start = offset
    let bytes = try stringBytes(what)
    guard (1...limit).contains(bytes.count) else {
      throw corrupt("\(what) has \(bytes.count) bytes, not 1 to \(limit)", at: start)
    }
    guard let name = String(validating: bytes, as: UTF8.self) else {
      throw corrupt("\(what) is not UTF-8", at: start)
    }
    return name
  }
}
