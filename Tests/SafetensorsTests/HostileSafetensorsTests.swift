import KingletErrors
import KingletSafetensors
import Testing

@Suite("Corrupted safetensors files")
struct HostileSafetensorsTests {
  private static let valid = safetensors(
    "{\"__metadata__\":{\"a\":\"b\"}," + entry("v", "F16", "[2,2]", 0, 8) + "," + entry("w", "I64", "[1]", 8, 16) + "}",
    dataByteCount: 16)

  @Test("Cut anywhere, it is refused")
  func truncation() throws {
    _ = try SafetensorsFile(bytes: Self.valid)
    for length in 0..<Self.valid.count {
      let error = #expect(throws: KingletError.self, "\(length) bytes") {
        try SafetensorsFile(bytes: Array(Self.valid[..<length]))
      }
      #expect(error?.code == .fileCorrupt)
    }
  }

  @Test("With any byte of its header changed to any other value, it is refused or reads as a valid file")
  func singleBytes() {
    var refused = 0
    let headerByteCount = Self.valid.count - 16
    for position in 0..<headerByteCount {
      var bytes = Self.valid
      for change in 1...255 as ClosedRange<UInt8> {
        bytes[position] = Self.valid[position] ^ change
        do throws(KingletError) {
          let file = try SafetensorsFile(bytes: bytes)
          let sum = file.tensors.reduce(0) { sum, tensor in file.withBytes(of: tensor) { sum + $0.count } }
          if sum != 16 { Issue.record("byte \(position) changed by \(change)") }
        } catch {
          refused += 1
          if error.location == nil { Issue.record("byte \(position) changed by \(change): \(error)") }
        }
      }
    }
    // Structure is refused; letters of names and texts may be others.
    #expect(refused > headerByteCount * 255 * 3 / 4)
  }

  @Test(
    "What breaks the rules is refused, and said",
    arguments: [
      (entry("w", "F32", "[1]", 0, 4) + "," + entry("w", "F32", "[1]", 4, 8), 8, "twice"),
      (entry("w", "F32", "[1]", 0, 4) + "," + entry("v", "F32", "[1]", 2, 6), 6, "overlap"),
      (entry("w", "F32", "[1]", 0, 4) + "," + entry("v", "F32", "[1]", 8, 12), 12, "no tensor"),
      (entry("w", "F32", "[1]", 4, 8), 8, "no tensor"),
      (entry("w", "F32", "[1]", 0, 4), 5, "no tensor"),
      (entry("w", "F32", "[2]", 0, 4), 4, "8 bytes"),
      (entry("w", "F32", "[1]", 4, 0), 4, "data_offsets"),
      (entry("w", "F32", "[-1]", 0, 4), 4, "no size"),
      (entry("w", "F32", "[1.5]", 0, 4), 4, "no size"),
      (entry("w", "F32", "[1e300]", 0, 4), 4, "no size"),
      (entry("w", "F32", "7", 0, 4), 4, "no list"),
      (entry("w", "F32", "[4294967296,4294967296,4294967296]", 0, 4), 4, "64 bits"),
      (entry("w", "U8", "[9223372036854775807]", 0, 9_223_372_036_854_775_807), 4, "beyond the file"),
      (entry("w", "F7", "[1]", 0, 4), 4, "F7"),
      ("\"w\":{\"dtype\":\"F32\",\"shape\":[1]}", 4, "nothing else"),
      ("\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":1}", 4, "nothing else"),
      ("\"w\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}", 4, "nothing else"),
      ("\"w\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,4]}", 4, "no text"),
      ("\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,2,4]}", 4, "data_offsets"),
      ("\"w\":7", 4, "nothing else"),
      ("\"__metadata__\":{\"a\":1}", 0, "no text"),
      ("\"__metadata__\":{\"a\":\"\",\"a\":\"\"}", 0, "twice"),
      ("\"__metadata__\":[]", 0, "no object"),
    ])
  func rules(members: String, dataByteCount: Int, message: String) {
    let error = #expect(throws: KingletError.self) {
      try SafetensorsFile(bytes: safetensors("{\(members)}", dataByteCount: dataByteCount), name: "w.safetensors")
    }
    #expect(error?.message.contains(message) == true, "\(error?.description ?? "")")
    #expect(error?.location?.hasPrefix("w.safetensors: ") == true)
  }

  @Test(
    "Headers that are none",
    arguments: [
      Array("[]".utf8), Array(" {}".utf8), Array("{".utf8), Array("{\"a\":}".utf8), [0x7B, 0xFF, 0x7D], [],
      Array("{} x".utf8), Array(String(repeating: "{\"a\":", count: 50_000).utf8),
    ])
  func headers(header: [UInt8]) {
    let error = #expect(throws: KingletError.self) { try SafetensorsFile(bytes: safetensors(header)) }
    #expect(error?.code == .fileCorrupt)
    #expect(error?.location?.contains("header") == true)
  }

  @Test("Lengths of a header that cannot be", arguments: [3, 100_000_001, 1 << 62, UInt64.max])
  func lengths(length: UInt64) {
    let bytes = withUnsafeBytes(of: length.littleEndian, Array.init) + Array("{}".utf8)
    #expect(throws: KingletError.self) { try SafetensorsFile(bytes: bytes) }
  }
}
