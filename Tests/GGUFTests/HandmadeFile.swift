/// A GGUF file put together byte by byte, without `GGUFWriter`: the readers' tests must not trust the writer, and it
/// would refuse to write most of what they need.
struct HandmadeFile {
  var bytes: [UInt8] = []

  /// A file that begins with magic, version and counts.
  init(version: UInt32 = 3, tensors: UInt64 = 0, metadata: UInt64 = 0) {
    bytes = [0x47, 0x47, 0x55, 0x46]
    u32(version)
    u64(tensors)
    u64(metadata)
  }

  mutating func u8(_ value: UInt8) { bytes.append(value) }
  mutating func u32(_ value: UInt32) { for shift in 0..<4 { u8(UInt8(truncatingIfNeeded: value >> (8 * shift))) } }
  mutating func u64(_ value: UInt64) { for shift in 0..<8 { u8(UInt8(truncatingIfNeeded: value >> (8 * shift))) } }
  mutating func string(_ text: String) { string(Array(text.utf8)) }
  mutating func string(_ text: [UInt8]) {
    u64(UInt64(text.count))
    bytes += text
  }

  /// The key and value type of a pair; the value must follow.
  mutating func key(_ key: String, _ type: UInt32) {
    string(key)
    u32(type)
  }

  /// One line of the tensor table.
  mutating func tensor(_ name: String, _ dimensions: [UInt64], type: UInt32, offset: UInt64) {
    string(name)
    u32(UInt32(dimensions.count))
    for size in dimensions { u64(size) }
    u32(type)
    u64(offset)
  }

  /// Zeros up to a multiple of `alignment`, then `count` data bytes 0, 1, 2, ...
  mutating func data(_ count: Int, alignment: Int = 32) {
    while bytes.count % alignment != 0 { u8(0) }
    for index in 0..<count { u8(UInt8(truncatingIfNeeded: index)) }
  }

  /// A file with one tensor, described by the arguments, and `byteCount` bytes of data.
  static func withTensor(
    _ name: String = "w", _ dimensions: [UInt64] = [8], type: UInt32 = 0, offset: UInt64 = 0, byteCount: Int = 32
  ) -> [UInt8] {
    var file = HandmadeFile(tensors: 1)
    file.tensor(name, dimensions, type: type, offset: offset)
    file.data(byteCount)
    return file.bytes
  }

  /// A file with one pair of metadata, whose value bytes `value` appends.
  static func withValue(_ key: String = "k", type: UInt32, _ value: (inout HandmadeFile) -> Void) -> [UInt8] {
    var file = HandmadeFile(metadata: 1)
    file.key(key, type)
    value(&file)
    return file.bytes
  }
}
