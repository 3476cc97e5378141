/// The strings of an array in a file's metadata, such as a vocabulary: the bytes stay in the mapping, and a `String` is
/// made only of what is asked for.
///
/// They are read one after the other, as each is preceded by its length. Nothing is kept of them, neither texts nor
/// offsets, so opening a file costs no memory however many there are.
public struct GGUFStrings: Sendable {
  /// Each string is preceded by its length in 64 bits.
  static let lengthByteCount = 8

  let view: ByteView
  /// The number of strings.
  public let count: Int

  /// The sum of the strings' lengths, in bytes.
  public var totalByteCount: Int { view.range.count - count * Self.lengthByteCount }

  /// Calls `body` with the bytes of each string, in order. They need not be UTF-8.
  public func forEachBytes<E>(_ body: (RawSpan) throws(E) -> Void) throws(E) {
    var iterator = makeIterator()
    while let range = iterator.nextRange() {
      try body(UnsafeRawBufferPointer(rebasing: view.store.bytes[range]).bytes)
    }
  }
}

extension GGUFStrings: Sequence {
  /// Walks over the strings; one whose bytes are not UTF-8 gets replacement characters.
  public struct Iterator: IteratorProtocol {
    private let view: ByteView
    private var position: Int
    private var remaining: Int

    init(_ strings: GGUFStrings) {
      view = strings.view
      position = view.range.lowerBound
      remaining = strings.count
    }

    public mutating func next() -> String? {
      nextRange().map { String(decoding: view.store.bytes[$0], as: UTF8.self) }
    }

    /// Where the next string lies. All lengths were checked when the file was opened; as another process may have
    /// written to it since, none leads beyond the array all the same.
    @inline(__always)
    mutating func nextRange() -> Range<Int>? {
      let end = view.range.upperBound
      guard remaining > 0, end - position >= GGUFStrings.lengthByteCount else { return nil }
      let length = UInt64(littleEndian: view.store.bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      let start = position + GGUFStrings.lengthByteCount
      guard length <= UInt64(end - start) else { return nil }
      position = start + Int(length)
      remaining -= 1
      return start..<position
    }
  }

  public func makeIterator() -> Iterator { Iterator(self) }
}
