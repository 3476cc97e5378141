/// Appends values to bytes in the layout of the format: little-endian, strings and arrays after their 64-bit length.
struct GGUFEncoder {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ integer: some FixedWidthInteger) {
    withUnsafeBytes(of: integer.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append(_ string: String) {
    append(UInt64(string.utf8.count))
    bytes.append(contentsOf: string.utf8)
  }

  mutating func append(_ value: GGUFValue) {
    switch value {
    case .uint8(let value): append(value)
    case .int8(let value): append(value)
    case .uint16(let value): append(value)
    case .int16(let value): append(value)
    case .uint32(let value): append(value)
    case .int32(let value): append(value)
    case .uint64(let value): append(value)
    case .int64(let value): append(value)
    case .float32(let value): append(value.bitPattern)
    case .float64(let value): append(value.bitPattern)
    case .bool(let value): append(value ? 1 as UInt8 : 0)
    case .string(let value): append(value)
    case .array(let array):
      append(array.elementType.rawValue)
      append(UInt64(array.count))
      array.view.withBytes { bytes.append(contentsOf: $0) }
    }
  }

  /// Appends zeros up to the next multiple of `alignment`.
  mutating func pad(to alignment: Int) {
    bytes.append(contentsOf: repeatElement(0, count: paddingByteCount(after: bytes.count, alignment)))
  }
}

/// Bytes between `offset` and the next multiple of `alignment`.
func paddingByteCount(after offset: Int, _ alignment: Int) -> Int {
  let excess = offset % alignment
  return excess == 0 ? 0 : alignment - excess
}
