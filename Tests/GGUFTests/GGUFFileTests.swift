// GGUFTests: valid files of every kind, hostile files of every kind, and nothing in between that traps.

import KingletErrors
import KingletGGUF
import KingletQuants
import KingletTestSupport
import Testing

@Suite("GGUF files")
struct GGUFFileTests {
  @Test("A file made by hand is read as the format defines it", arguments: [2, 3] as [UInt32])
  func handmade(version: UInt32) throws {
    var bytes = HandmadeFile(version: version, tensors: 2, metadata: 3)
    bytes.key("general.architecture", 8)
    bytes.string("toy")
    bytes.key("general.alignment", 4)
    bytes.u32(64)
    bytes.key("toy.nested", 9)
    bytes.u32(9)
    bytes.u64(2)
    for row in [[1, 2], [3]] as [[UInt32]] {
      bytes.u32(5)
      bytes.u64(UInt64(row.count))
      for value in row { bytes.u32(value) }
    }
    bytes.tensor("norm", [3], type: 0, offset: 0)
    bytes.tensor("weight", [32, 2], type: 8, offset: 64)
    bytes.data(64 + 68, alignment: 64)

    let file = try GGUFFile(bytes: bytes.bytes)
    #expect(file.version == Int(version))
    #expect(file.alignment == 64)
    #expect(file.byteCount == bytes.bytes.count)
    #expect(file.metadata.keys == ["general.architecture", "general.alignment", "toy.nested"])
    #expect(file.metadata["general.architecture"] == .string("toy"))
    #expect(file.metadata["toy.nested"]?.array?.arrays?.map(\.integers) == [[1, 2], [3]])

    #expect(file.tensors.map(\.name) == ["norm", "weight"])
    let weight = try #require(file.tensor(named: "weight"))
    #expect(weight.dimensions == [32, 2])
    #expect(weight.type == .q8_0)
    #expect(weight.elementCount == 64)
    #expect(weight.byteCount == 68)
    #expect(weight.offset == bytes.bytes.count - 68)
    #expect(file.withBytes(of: weight) { Array($0) } == (64..<132).map { UInt8($0) })
    #expect(file.tensor(named: "absent") == nil)
  }

  @Test("What the writer writes, the reader reads", arguments: [8, 32, 4096])
  func roundTrip(alignment: Int) throws {
    var writer = GGUFWriter(alignment: alignment)
    for (key, value) in allKinds { writer[key] = value }
    try writer.addTensor("a", dimensions: [3], floats: [1, -2, 0.5])
    try writer.addTensor("b", dimensions: [32, 3], type: .q4_0, bytes: (0..<54).map { UInt8($0) })

    let file = try GGUFFile(bytes: writer.encoded())
    #expect(file.alignment == alignment)
    for (key, value) in allKinds { #expect(file.metadata[key] == value, "\(key)") }
    #expect(file.tensors.map(\.type) == [.f32, .q4_0])
    for tensor in file.tensors { #expect(tensor.offset % alignment == 0) }
    let floats = file.withBytes(of: file.tensors[0]) { bytes in
      (0..<3).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
    }
    #expect(floats == [1, -2, 0.5])
    #expect(file.withBytes(of: file.tensors[1]) { Array($0) } == (0..<54).map { UInt8($0) })

    // Copying all metadata of a file, arrays included, gives the same file again.
    var copy = GGUFWriter(alignment: alignment)
    for key in file.metadata.keys { copy[key] = file.metadata[key] }
    for tensor in file.tensors {
      try copy.addTensor(
        tensor.name, dimensions: tensor.dimensions, type: tensor.type, bytes: file.withBytes(of: tensor) { Array($0) })
    }
    #expect(try copy.encoded() == writer.encoded())
  }

  @Test("A file without tensors, such as a vocabulary, may end with its header")
  func headerOnly() throws {
    var bytes = HandmadeFile(metadata: 1)
    bytes.key("general.name", 8)
    bytes.string("only words")
    let file = try GGUFFile(bytes: bytes.bytes)
    #expect(file.tensors.isEmpty)
    #expect(try file.metadata.requiredString("general.name") == "only words")
    #expect(try GGUFFile(bytes: HandmadeFile().bytes).metadata.keys.isEmpty)
  }

  @Test("Released pages can be read again")
  func releasedPages() throws {
    let path = temporaryPath("released")
    defer { remove(path) }
    let contents = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var writer = GGUFWriter()
    try writer.addTensor("w", dimensions: [contents.count], type: .i8, bytes: contents)
    try writer.write(to: path)

    let file = try GGUFFile(path: path)
    let tensor = try #require(file.tensor(named: "w"))
    for _ in 0..<3 {
      file.releasePages()
      #expect(file.withBytes(of: tensor) { $0.elementsEqual(contents) })
    }
  }

  @Test("Values taken from a file outlive it")
  func lifetime() throws {
    let path = temporaryPath("lifetime")
    defer { remove(path) }
    var writer = GGUFWriter()
    writer["tokens"] = .array(GGUFArray(["first", "second"]))
    try writer.write(to: path)
    let strings = try #require(try GGUFFile(path: path).metadata.strings("tokens"))
    #expect(Array(strings) == ["first", "second"])
  }

  @Test("The committed models have the tensors that their architectures need", arguments: ["llama", "gemma3"])
  func fixtures(name: String) throws {
    let file = try GGUFFile(path: Fixtures.path("arch/\(name)/model.gguf"))
    #expect(try file.metadata.requiredString("general.architecture") == name)
    #expect(try file.metadata.requiredStrings("tokenizer.ggml.tokens").count == 512)
    let embedding = try #require(file.tensor(named: "token_embd.weight"))
    #expect(embedding.dimensions == [try file.metadata.requiredInteger("\(name).embedding_length"), 512])
    #expect(file.tensors.allSatisfy { $0.type == .f32 })
  }

  @Test("Published models open", arguments: RealModel.allCases.filter(\.isPresent))
  func publishedModels(model: RealModel) throws {
    let file = try GGUFFile(path: model.path)
    let tokens = try file.metadata.requiredStrings("tokenizer.ggml.tokens")
    #expect(tokens.count == [.smollm2: 49_152, .gemma3: 262_144, .qwen2: 151_936][model])
    #expect(tokens.totalByteCount == tokens.reduce(0) { $0 + $1.utf8.count })
    #expect(try file.metadata.integers("tokenizer.ggml.token_type")?.count == tokens.count)
    #expect(file.tensors.count > 200)
    #expect(file.tensors.allSatisfy { $0.type.isDequantizable })
  }
}

/// A pair of every value type, and an array of every element type.
private let allKinds: [(String, GGUFValue)] = [
  ("uint8", .uint8(.max)), ("int8", .int8(.min)), ("uint16", .uint16(.max)), ("int16", .int16(.min)),
  ("uint32", .uint32(.max)), ("int32", .int32(.min)), ("uint64", .uint64(.max)), ("int64", .int64(.min)),
  ("float32", .float32(-1.5)), ("float64", .float64(.pi)), ("true", .bool(true)), ("false", .bool(false)),
  ("string", .string("naïve\0 🐦")), ("empty string", .string("")),
  ("uint8s", .array(GGUFArray([0, 255] as [UInt8]))), ("int8s", .array(GGUFArray([-128, 127] as [Int8]))),
  ("uint16s", .array(GGUFArray([1, 65_535] as [UInt16]))), ("int16s", .array(GGUFArray([-1] as [Int16]))),
  ("uint32s", .array(GGUFArray([1, 2, .max] as [UInt32]))), ("int32s", .array(GGUFArray([-1, 2] as [Int32]))),
  ("uint64s", .array(GGUFArray([.max] as [UInt64]))), ("int64s", .array(GGUFArray([.min] as [Int64]))),
  ("float32s", .array(GGUFArray([0.1, -.infinity] as [Float]))), ("float64s", .array(GGUFArray([0.1] as [Double]))),
  ("bools", .array(GGUFArray([true, false, true]))), ("strings", .array(GGUFArray(["", "a", "über", "\n"]))),
  ("no strings", .array(GGUFArray([] as [String]))), ("no numbers", .array(GGUFArray([] as [Int32]))),
]
