import KingletErrors
import KingletGGUF
import Testing

@Suite("GGUF metadata")
struct GGUFMetadataTests {
  private func metadata(_ pairs: [(String, GGUFValue)]) throws -> GGUFMetadata {
    var writer = GGUFWriter()
    for (key, value) in pairs { writer[key] = value }
    return try GGUFFile(bytes: writer.encoded(), name: "toy.gguf").metadata
  }

  @Test("Integers of every type are read as Int, floats as Float")
  func numbers() throws {
    let metadata = try metadata([
      ("u8", .uint8(7)), ("i16", .int16(-7)), ("u64", .uint64(1 << 40)), ("f64", .float64(0.5)), ("i32", .int32(3)),
    ])
    #expect(try metadata.integer("u8") == 7)
    #expect(try metadata.integer("i16") == -7)
    #expect(try metadata.integer("u64") == 1 << 40)
    #expect(try metadata.float("f64") == 0.5)
    #expect(try metadata.float("i32") == 3)
    #expect(try metadata.requiredInteger("u8") == 7)
    #expect(try metadata.requiredFloat("f64") == 0.5)
  }

  @Test("Arrays are read in the type asked for")
  func arrays() throws {
    let metadata = try metadata([
      ("scores", .array(GGUFArray([0.5, -1] as [Float]))), ("types", .array(GGUFArray([1, 6] as [Int32]))),
      ("flags", .array(GGUFArray([true, false]))), ("doubles", .array(GGUFArray([0.25] as [Double]))),
    ])
    #expect(try metadata.floats("scores") == [0.5, -1])
    #expect(try metadata.floats("doubles") == [0.25])
    #expect(try metadata.floats("types") == [1, 6])
    #expect(try metadata.integers("types") == [1, 6])
    #expect(try metadata.bytes("types") == [1, 6])
    #expect(try metadata.bools("flags") == [true, false])
  }

  @Test("A missing key is nil, and an error that names it where it is required")
  func missingKeys() throws {
    let metadata = try metadata([])
    #expect(try metadata.integer("a.b") == nil)
    #expect(try metadata.strings("a.b") == nil)
    #expect(metadata["a.b"] == nil)
    let error = #expect(throws: KingletError.self) { try metadata.requiredInteger("a.b") }
    #expect(error?.code == .fileCorrupt)
    #expect(error?.location == #"toy.gguf: key "a.b""#)
    #expect(throws: KingletError.self) { try metadata.requiredString("a.b") }
    #expect(throws: KingletError.self) { try metadata.requiredFloat("a.b") }
    #expect(throws: KingletError.self) { try metadata.requiredStrings("a.b") }
  }

  @Test("A value of another type or out of range is an error with key and byte")
  func wrongTypes() throws {
    let metadata = try metadata([
      ("text", .string("x")), ("big", .uint64(.max)), ("many", .array(GGUFArray([.max] as [UInt64]))),
      ("words", .array(GGUFArray(["x"]))), ("large", .array(GGUFArray([255, 256] as [Int32]))),
    ])
    let error = #expect(throws: KingletError.self) { try metadata.integer("text") }
    #expect(error?.code == .fileCorrupt)
    // Header 24, length of the key 8, key 4, type 4.
    #expect(error?.location == #"toy.gguf: key "text", byte 40"#)
    #expect(error?.message == "the value (string) is not an integer, or out of range")
    #expect(throws: KingletError.self) { try metadata.integer("big") }
    #expect(throws: KingletError.self) { try metadata.integers("many") }
    #expect(throws: KingletError.self) { try metadata.bytes("large") }
    #expect(throws: KingletError.self) { try metadata.integers("words") }
    #expect(throws: KingletError.self) { try metadata.floats("words") }
    #expect(throws: KingletError.self) { try metadata.bools("words") }
    #expect(throws: KingletError.self) { try metadata.strings("many") }
    #expect(throws: KingletError.self) { try metadata.string("words") }
    #expect(throws: KingletError.self) { try metadata.bool("text") }
    #expect(throws: KingletError.self) { try metadata.float("text") }
  }

  @Test("Strings are a lazy sequence that also gives bytes, UTF-8 or not")
  func strings() throws {
    let bytes = HandmadeFile.withValue("tokens", type: 9) {
      $0.u32(8)
      $0.u64(4)
      $0.string("a")
      $0.string("")
      $0.string([0xff, 0x41])
      $0.string("ü")
    }
    let strings = try #require(try GGUFFile(bytes: bytes).metadata.strings("tokens"))
    #expect(strings.count == 4)
    #expect(Array(strings) == ["a", "", "\u{fffd}A", "ü"])
    var bytesOfEach: [[UInt8]] = []
    strings.forEachBytes { text in bytesOfEach.append(text.withUnsafeBytes { Array($0) }) }
    #expect(bytesOfEach == [[0x61], [], [0xff, 0x41], [0xc3, 0xbc]])
    #expect(strings.totalByteCount == 5)
  }

  @Test("A string that is not UTF-8 is repaired; names must be UTF-8")
  func invalidText() throws {
    let value = HandmadeFile.withValue(type: 8) { $0.string([0x61, 0xc3]) }
    #expect(try GGUFFile(bytes: value).metadata["k"] == .string("a\u{fffd}"))
  }
}
