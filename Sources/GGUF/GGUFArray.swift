/// An array in a file's metadata: a view of the file's bytes, turned into Swift values on demand.
public struct GGUFArray: Sendable {
  /// The type of every element.
  public let elementType: GGUFValueType
  /// The number of elements.
  public let count: Int
  /// The elements as they lie in the file, without the array's own type and count.
  let view: ByteView
  /// The element boundaries of an array of strings.
  public let strings: GGUFStrings?
  /// The elements of an array of arrays.
  public let arrays: [GGUFArray]?

  init(
    elementType: GGUFValueType, count: Int, view: ByteView, strings: GGUFStrings? = nil, arrays: [GGUFArray]? = nil
  ) {
    self.elementType = elementType
    self.count = count
    self.view = view
    self.strings = strings
    self.arrays = arrays
  }

  /// The elements of any integer type, or nil when they are no integers, or one does not fit an `Int`.
  public var integers: [Int]? {
    switch elementType {
    case .uint8: widened(UInt8.self)
    case .int8: widened(Int8.self)
    case .uint16: widened(UInt16.self)
    case .int16: widened(Int16.self)
    case .uint32: widened(UInt32.self)
    case .int32: widened(Int32.self)
    case .uint64: widened(UInt64.self)
    case .int64: widened(Int64.self)
    case .float32, .float64, .bool, .string, .array: nil
    }
  }

  /// The elements of any number type in single precision, or nil when they are no numbers.
  public var floats: [Float]? {
    switch elementType {
    case .float32: numbers(UInt32.self).map { Float(bitPattern: $0) }
    case .float64: numbers(UInt64.self).map { Float(Double(bitPattern: $0)) }
    default: integers?.map { Float($0) }
    }
  }

  /// The elements of an array of bools, or nil.
  public var bools: [Bool]? { elementType == .bool ? numbers(UInt8.self).map { $0 != 0 } : nil }

  private func widened<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) -> [Int]? {
    let numbers = numbers(T.self)
    let integers = numbers.compactMap { Int(exactly: $0) }
    return integers.count == numbers.count ? integers : nil
  }

  private func numbers<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) -> [T] {
    view.withBytes { bytes in
      (0..<count).map {
        T(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self))
      }
    }
  }
}

extension GGUFArray: Equatable {
  public static func == (a: GGUFArray, b: GGUFArray) -> Bool {
    a.elementType == b.elementType && a.count == b.count
      && a.view.withBytes { a in b.view.withBytes { b in a.elementsEqual(b) } }
  }
}

/// A range of a store's bytes, keeping the store alive.
struct ByteView: Sendable {
  let store: ByteStore
  let range: Range<Int>

  func withBytes<R, E>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try body(UnsafeRawBufferPointer(rebasing: store.bytes[range]))
  }
}
