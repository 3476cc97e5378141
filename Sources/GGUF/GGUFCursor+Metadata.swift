import KingletErrors
import KingletFiles

extension GGUFCursor {
  /// Reads all key-value pairs.
  mutating func metadata(count: Int) throws(KingletError) -> GGUFMetadata {
    var entries: [GGUFMetadata.Entry] = []
    var indices: [String: Int] = [:]
    for index in 0..<count {
      subject = "metadata pair \(index)"
      let start = offset
      let key = try name("the key", limit: 65_535)
      subject = "key \(quoted(key))"
      guard indices.updateValue(index, forKey: key) == nil else { throw corrupt("the key appears twice", at: start) }
      let type = try valueType()
      let offset = offset
      entries.append(.init(key: key, value: try value(type), offset: offset))
    }
    return GGUFMetadata(path: path, entries: entries, indices: indices)
  }

  private mutating func valueType() throws(KingletError) -> GGUFValueType {
    let start = offset
    let number = try integer("the value type", as: UInt32.self)
    guard let type = GGUFValueType(rawValue: number) else {
      throw corrupt("\(number) is no type of a value", at: start)
    }
    return type
  }

  private mutating func value(_ type: GGUFValueType) throws(KingletError) -> GGUFValue {
    switch type {
    case .uint8: .uint8(try integer("the value"))
    case .int8: .int8(try integer("the value"))
    case .uint16: .uint16(try integer("the value"))
    case .int16: .int16(try integer("the value"))
    case .uint32: .uint32(try integer("the value"))
    case .int32: .int32(try integer("the value"))
    case .uint64: .uint64(try integer("the value"))
    case .int64: .int64(try integer("the value"))
    case .float32: .float32(Float(bitPattern: try integer("the value")))
    case .float64: .float64(Double(bitPattern: try integer("the value")))
    case .bool: .bool(try bool())
    case .string: .string(String(decoding: try stringBytes("the value"), as: UTF8.self))
    case .array: .array(try array(depth: 1))
    }
  }

  private mutating func bool() throws(KingletError) -> Bool {
    let start = offset
    let byte = try integer("the value", as: UInt8.self)
    guard byte <= 1 else { throw corrupt("a bool is 0 or 1, not \(byte)", at: start) }
    return byte == 1
  }

  private mutating func array(depth: Int) throws(KingletError) -> GGUFArray {
    guard depth <= 4 else { throw corrupt("arrays are nested more than 4 deep") }
    let type = try valueType()
    switch type {
    case .string: return try stringArray()
    case .array: return try arrayOfArrays(depth: depth)
    default: return try numberArray(type)
    }
  }

  private mutating func numberArray(_ type: GGUFValueType) throws(KingletError) -> GGUFArray {
    let size = type.byteCount ?? 1
    let count = try count("the length of the array", limit: 1 << 28, minimumByteCount: size)
    let range = try skip(UInt64(count * size), "the array")
    if type == .bool, let wrong = store.bytes[range].firstIndex(where: { $0 > 1 }) {
      throw corrupt("a bool is 0 or 1, not \(store.bytes[wrong])", at: wrong)
    }
    return GGUFArray(elementType: type, count: count, view: ByteView(store: store, range: range))
  }

  private mutating func stringArray() throws(KingletError) -> GGUFArray {
    let count = try count(
      "the length of the array", limit: 1 << 24, minimumByteCount: GGUFStrings.lengthByteCount)
    let start = offset
    for _ in 0..<count { _ = try stringBytes("a string of the array") }
    guard offset - start <= Int(UInt32.max) else {
      throw corrupt("the strings of the array take more than 4 GB", at: start)
    }
    return GGUFArray(elementType: .string, count: count, view: ByteView(store: store, range: start..<offset))
  }

  private mutating func arrayOfArrays(depth: Int) throws(KingletError) -> GGUFArray {
    // An empty array takes twelve bytes: its element type and its length.
    let count = try count("the length of the array", limit: 1 << 16, minimumByteCount: 12)
    let start = offset
    var arrays: [GGUFArray] = []
    for _ in 0..<count { arrays.append(try array(depth: depth + 1)) }
    let view = ByteView(store: store, range: start..<offset)
    return GGUFArray(elementType: .array, count: count, view: view, arrays: arrays)
  }
}
