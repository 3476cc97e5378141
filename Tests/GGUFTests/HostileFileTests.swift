import KingletErrors
import KingletGGUF
import Testing

/// A file that must be refused, and what the error must say.
struct HostileFile: CustomTestStringConvertible, Sendable {
  let name: String
  let bytes: [UInt8]
  var code = KingletError.Code.fileCorrupt
  /// The part of the file that the error names.
  let location: String
  let message: String

  var testDescription: String { name }
}

@Suite("Hostile GGUF files")
struct HostileFileTests {
  @Test("A broken header is refused", arguments: brokenHeaders)
  func header(file: HostileFile) { expectRefusal(file) }

  @Test("Broken metadata is refused, naming key and byte", arguments: brokenMetadata)
  func metadata(file: HostileFile) { expectRefusal(file) }

  @Test("A broken tensor table is refused, naming tensor and byte", arguments: brokenTables)
  func tensors(file: HostileFile) { expectRefusal(file) }

  private func expectRefusal(_ file: HostileFile) {
    let error = #expect(throws: KingletError.self) { try GGUFFile(bytes: file.bytes, name: "x.gguf") }
    #expect(error?.code == file.code)
    #expect(error?.location == "x.gguf: \(file.location)")
    #expect(error?.message.contains(file.message) == true, "\(error?.message ?? "")")
  }
}

private let brokenHeaders: [HostileFile] = [
  HostileFile(name: "no bytes", bytes: [], location: "header, byte 0", message: "ends after 0"),
  HostileFile(
    name: "other magic", bytes: Array("GGML....".utf8), location: "header, byte 0", message: "not a GGUF file"),
  HostileFile(
    name: "version 1", bytes: HandmadeFile(version: 1).bytes, code: .unsupported, location: "header, byte 4",
    message: "version 1"),
  HostileFile(
    name: "version 4", bytes: HandmadeFile(version: 4).bytes, code: .unsupported, location: "header, byte 4",
    message: "version 4"),
  HostileFile(
    name: "big-endian", bytes: HandmadeFile(version: 3 << 24).bytes, code: .unsupported, location: "header, byte 4",
    message: "big-endian"),
  HostileFile(
    name: "2^60 tensors", bytes: HandmadeFile(tensors: 1 << 60).bytes, location: "header, byte 8", message: "limit"),
  HostileFile(
    name: "2^60 pairs", bytes: HandmadeFile(metadata: 1 << 60).bytes, location: "header, byte 16", message: "limit"),
  HostileFile(
    name: "more tensors than bytes", bytes: HandmadeFile(tensors: 1000).bytes, location: "header, byte 8",
    message: "remaining"),
  HostileFile(
    name: "more pairs than bytes", bytes: HandmadeFile(metadata: 1000).bytes, location: "header, byte 16",
    message: "remaining"),
]

// In files with one pair, byte 24 is the key's length, 33 the type, 37 the value.
private let brokenMetadata: [HostileFile] = [
  HostileFile(
    name: "value type 13", bytes: HandmadeFile.withValue(type: 13) { $0.u32(0) }, location: #"key "k", byte 33"#,
    message: "13 is no type"),
  HostileFile(
    name: "bool of 2", bytes: HandmadeFile.withValue(type: 7) { $0.u8(2) }, location: #"key "k", byte 37"#,
    message: "0 or 1"),
  HostileFile(
    name: "empty key", bytes: HandmadeFile.withValue("", type: 7) { $0.u64(0) }, location: "metadata pair 0, byte 24",
    message: "0 bytes"),
  HostileFile(
    name: "long key", bytes: HandmadeFile.withValue(String(repeating: "k", count: 65_536), type: 7) { $0.u8(0) },
    location: "metadata pair 0, byte 24", message: "65536 bytes"),
  HostileFile(
    name: "key that is not UTF-8",
    bytes: {
      var file = HandmadeFile(metadata: 1)
      file.string([0xff])
      file.u32(7)
      file.u8(0)
      return file.bytes
    }(), location: "metadata pair 0, byte 24", message: "not UTF-8"),
  HostileFile(
    name: "control characters in a key", bytes: HandmadeFile.withValue("\u{1b}[2J", type: 13) { $0.u8(0) },
    location: #"key "\u{1B}[2J", byte 36"#, message: "13 is no type"),
  HostileFile(
    name: "key of 2^63 bytes",
    bytes: {
      var file = HandmadeFile(metadata: 1)
      file.u64(1 << 63)
      file.u64(0)
      return file.bytes
    }(), location: "metadata pair 0, byte 32", message: "ends after 8"),
  HostileFile(
    name: "string of 2^64 - 1 bytes", bytes: HandmadeFile.withValue(type: 8) { $0.u64(.max) },
    location: #"key "k", byte 45"#, message: "ends after 0"),
  HostileFile(
    name: "array of 2^60 strings",
    bytes: HandmadeFile.withValue(type: 9) {
      $0.u32(8)
      $0.u64(1 << 60)
    }, location: #"key "k", byte 41"#, message: "limit"),
  HostileFile(
    name: "array of 2^20 strings in few bytes",
    bytes: HandmadeFile.withValue(type: 9) {
      $0.u32(8)
      $0.u64(1 << 20)
    }, location: #"key "k", byte 41"#, message: "remaining"),
  HostileFile(
    name: "array of 2^60 + 1 doubles, whose byte count overflows",
    bytes: HandmadeFile.withValue(type: 9) {
      $0.u32(12)
      $0.u64(1 << 61 + 1)
    }, location: #"key "k", byte 41"#, message: "limit"),
  HostileFile(
    name: "a string of the array too long",
    bytes: HandmadeFile.withValue(type: 9) {
      $0.u32(8)
      $0.u64(2)
      $0.string("a")
      $0.u64(1 << 40)
    }, location: #"key "k", byte 66"#, message: "ends after 0"),
  HostileFile(
    name: "array of bools with a 3",
    bytes: HandmadeFile.withValue(type: 9) {
      $0.u32(7)
      $0.u64(3)
      for byte in [0, 1, 3] as [UInt8] { $0.u8(byte) }
    }, location: #"key "k", byte 51"#, message: "not 3"),
  HostileFile(
    name: "deeply nested arrays",
    bytes: HandmadeFile.withValue(type: 9) {
      for _ in 0..<100_000 {
        $0.u32(9)
        $0.u64(1)
      }
    }, location: #"key "k", byte 85"#, message: "nested"),
  HostileFile(
    name: "key twice",
    bytes: {
      var file = HandmadeFile(metadata: 2)
      for _ in 0..<2 {
        file.key("k", 0)
        file.u8(1)
      }
      return file.bytes
    }(), location: #"key "k", byte 38"#, message: "twice"),
  HostileFile(
    name: "alignment of 0", bytes: HandmadeFile.withValue("general.alignment", type: 4) { $0.u32(0) },
    location: #"key "general.alignment", byte 53"#, message: "power of two"),
  HostileFile(
    name: "alignment of 24", bytes: HandmadeFile.withValue("general.alignment", type: 4) { $0.u32(24) },
    location: #"key "general.alignment", byte 53"#, message: "power of two"),
  HostileFile(
    name: "alignment of -32", bytes: HandmadeFile.withValue("general.alignment", type: 5) { $0.u32(.max - 31) },
    location: #"key "general.alignment", byte 53"#, message: "power of two"),
  HostileFile(
    name: "alignment that is text", bytes: HandmadeFile.withValue("general.alignment", type: 8) { $0.string("32") },
    location: #"key "general.alignment", byte 53"#, message: "integer"),
  HostileFile(
    name: "part of a split model",
    bytes: HandmadeFile.withValue("split.count", type: 2) {
      $0.u8(3)
      $0.u8(0)
    }, code: .unsupported, location: #"key "split.count", byte 47"#, message: "3 parts"),
]

// In files with one tensor "w" of one dimension, byte 24 is the name's length, 33 the number of dimensions, 37 the first
// dimension, 45 the type, 49 the offset.
private let brokenTables: [HostileFile] = [
  HostileFile(
    name: "no dimensions", bytes: HandmadeFile.withTensor("w", []), location: #"tensor "w", byte 33"#,
    message: "0 dimensions"),
  HostileFile(
    name: "five dimensions", bytes: HandmadeFile.withTensor("w", [1, 1, 1, 1, 1]), location: #"tensor "w", byte 33"#,
    message: "5 dimensions"),
  HostileFile(
    name: "dimension of 0", bytes: HandmadeFile.withTensor("w", [8, 0]), location: #"tensor "w", byte 45"#,
    message: "a dimension of 0"),
  HostileFile(
    name: "dimension of 2^63", bytes: HandmadeFile.withTensor("w", [1 << 63]), location: #"tensor "w", byte 37"#,
    message: "a dimension of 9223372036854775808"),
  HostileFile(
    name: "product beyond 64 bits", bytes: HandmadeFile.withTensor("w", [1 << 40, 1 << 40]),
    location: #"tensor "w", byte 45"#, message: "beyond 64 bits"),
  HostileFile(
    name: "byte count beyond 64 bits", bytes: HandmadeFile.withTensor("w", [1 << 62]),
    location: #"tensor "w", byte 24"#,
    message: "too large"),
  HostileFile(
    name: "row of half a block", bytes: HandmadeFile.withTensor("w", [16, 2], type: 8),
    location: #"tensor "w", byte 24"#, message: "no whole Q8_0 blocks"),
  HostileFile(
    name: "retired type", bytes: HandmadeFile.withTensor(type: 4), code: .unsupported,
    location: #"tensor "w", byte 45"#, message: "type 4"),
  HostileFile(
    name: "unaligned offset", bytes: HandmadeFile.withTensor(offset: 16, byteCount: 64),
    location: #"tensor "w", byte 49"#, message: "alignment"),
  HostileFile(
    name: "data missing", bytes: HandmadeFile.withTensor(byteCount: 31), location: #"tensor "w", byte 24"#,
    message: "beyond the file"),
  HostileFile(
    name: "offset near 2^64", bytes: HandmadeFile.withTensor(offset: .max - 31), location: #"tensor "w", byte 24"#,
    message: "beyond the file"),
  HostileFile(
    name: "empty name", bytes: HandmadeFile.withTensor(""), location: "tensor 0, byte 24", message: "0 bytes"),
  HostileFile(
    name: "long name", bytes: HandmadeFile.withTensor(String(repeating: "w", count: 65)),
    location: "tensor 0, byte 24", message: "65 bytes"),
  HostileFile(
    name: "name twice", bytes: twoTensors("w", "w", secondOffset: 32), location: #"tensor "w", byte 57"#,
    message: "twice"),
  HostileFile(
    name: "overlap", bytes: twoTensors("v", "w", secondOffset: 0), location: #"tensor "w", byte 57"#,
    message: #"overlap those of "v""#),
]

private func twoTensors(_ first: String, _ second: String, secondOffset: UInt64) -> [UInt8] {
  var file = HandmadeFile(tensors: 2)
  file.tensor(first, [8], type: 0, offset: 0)
  file.tensor(second, [8], type: 0, offset: secondOffset)
  file.data(64)
  return file.bytes
}
