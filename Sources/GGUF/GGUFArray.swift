import KingletFiles

/// An array in a file's metadata: a view of the file's bytes, turned into Swift values on demand.
public struct GGUFArray: Sendable {
  /// The type of every element.
  public let elementType: GGUFValueType
  /// The number of elements.
  public let count: Int
  /// The elements as they lie in the file, without the array's own type and count.
  let view: ByteView
  /// The elements of an array of arrays.
  public let arrays: [GGUFArray]?

  init(
    elementType: GGUFValueType, count: Int, view: ByteView, arrays: [GGUFArray]? = nil
  ) {
    self.elementType = elementType
    self.count = count
    self.view = view
    self.arrays = arrays
  }

  /// The elements of an array of strings, or nil.
  public var strings: GGUFStrings? { elementType == .string ? GGUFStrings(view: view, count: count) : nil }

  /// The elements of any integer type, or nil when they are no integers, or one does not fit an `Int`.
  public var integers: [Int]? { integers(as: Int.self) }

  /// The elements of any integer type, or nil when they are no integers, or one does not fit a byte.
  public var bytes: [UInt8]? { integers(as: UInt8.self) }

  private func integers<T: FixedWidthInteger>(as: T.Type) -> [T]? {
    switch elementType {
    case .uint8: converted { T(exactly: $0 as UInt8) }
    case .int8: converted { T(exactly: $0 as Int8) }
    case .uint16: converted { T(exactly: $0 as UInt16) }
    case .int16: converted { T(exactly: $0 as Int16) }
    case .uint32: converted { T(exactly: $0 as UInt32) }
    case .int32: converted { T(exactly: $0 as Int32) }
    case .uint64: converted { T(exactly: $0 as UInt64) }
    case .int64: converted { T(exactly: $0 as Int64) }
    case .float32, .float64, .bool, .string, .array: nil
    }
  }

  /// The elements of any number type in single precision, or nil when they are no numbers.
  public var floats: [Float]? {
    switch elementType {
    case .float32: converted { Float(bitPattern: $0) }
    case .float64: converted { Float(Double(bitPattern: $0)) }
    default: integers?.map { Float($0) }
    }
  }

  /// The elements of an array of bools, or nil.
  public var bools: [Bool]? { elementType == .bool ? converted { $0 as UInt8 != 0 } : nil }

  /// All elements, which are stored as `T`, or nil when one cannot be converted. Nothing is made besides the result:
  /// of 262,144 scores there should not be two copies.
  private func converted<T: FixedWidthInteger & BitwiseCopyable, R>(_ convert: (T) -> R?) -> [R]? {
    var result: [R] = []
    result.reserveCapacity(count)
    view.withBytes { bytes in
      for index in 0..<count {
        let stored = bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: T.self)
        guard let element = convert(T(littleEndian: stored)) else { break }
        result.append(element)
      }
    }
    return result.count == count ? result : nil
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
