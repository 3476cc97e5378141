import Foundation
import KingletErrors
import KingletGGUF
import Testing

@Suite("Writing GGUF files")
struct GGUFWriterTests {
  @Test("The bytes are those of the format")
  func bytes() throws {
    var writer = GGUFWriter(version: 2)
    writer["k"] = .uint8(9)
    try writer.addTensor("w", dimensions: [8], type: .i8, bytes: Array(0..<8))
    try writer.addTensor("v", dimensions: [1], type: .i8, bytes: [7])

    var expected = HandmadeFile(version: 2, tensors: 2, metadata: 1)
    expected.key("k", 0)
    expected.u8(9)
    expected.tensor("w", [8], type: 24, offset: 0)
    expected.tensor("v", [1], type: 24, offset: 32)
    expected.data(8)
    expected.data(0)
    expected.u8(7)
    expected.data(0)
    #expect(try writer.encoded() == expected.bytes)
  }

  @Test("Keys keep their order, are replaced, and are removed by nil")
  func keys() throws {
    var writer = GGUFWriter()
    writer["a"] = .uint8(1)
    writer["b"] = .uint8(2)
    writer["a"] = .string("x")
    writer["c"] = .bool(true)
    writer["b"] = nil
    writer["absent"] = nil
    writer["general.alignment"] = .uint32(7)
    let metadata = try GGUFFile(bytes: writer.encoded()).metadata
    #expect(metadata.keys == ["a", "c"])
    #expect(metadata["a"] == .string("x"))
    #expect(writer["c"] == .bool(true))
  }

  @Test("Tensors that make no sense are refused")
  func refusals() throws {
    var writer = GGUFWriter()
    try writer.addTensor("w", dimensions: [2], floats: [1, 2])
    let wrong: [(String, [Int])] = [
      ("w", [2]), ("", [2]), (String(repeating: "n", count: 65), [2]), ("x", []), ("x", [0]), ("x", [-2, -1]),
      ("x", [3]), ("x", [2, 1, 1, 1, 1]), ("x", [Int.max, Int.max, 2]),
    ]
    for (name, dimensions) in wrong {
      let error = #expect(throws: KingletError.self, "\(name) \(dimensions)") {
        try writer.addTensor(name, dimensions: dimensions, floats: [1, 2])
      }
      #expect(error?.code == .invalidArgument)
    }
    #expect(throws: KingletError.self) {
      try writer.addTensor("x", dimensions: [16, 2], type: .q8_0, bytes: [UInt8](repeating: 0, count: 34))
    }
    #expect(try GGUFFile(bytes: writer.encoded()).tensors.count == 1)
  }

  @Test("A file is replaced whole, and nothing is left behind when that fails")
  func replacement() throws {
    let folder = temporaryPath("folder")
    defer { remove(folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = folder + "/a.gguf"
    var writer = GGUFWriter()
    try writer.write(to: path)
    writer["k"] = .string("new")
    try writer.write(to: path)
    #expect(try GGUFFile(path: path).metadata["k"] == .string("new"))

    // A folder cannot be replaced by a file.
    try FileManager.default.createDirectory(atPath: folder + "/b.gguf/c", withIntermediateDirectories: true)
    #expect(throws: KingletError.self) { try writer.write(to: folder + "/b.gguf") }
    #expect(throws: KingletError.self) { try writer.write(to: folder + "/missing/a.gguf") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["a.gguf", "b.gguf"])
  }
}
