import Foundation
import KingletErrors
import KingletSafetensors
import Testing

@Suite("Reading safetensors files")
struct SafetensorsFileTests {
  @Test("Tensors, their bytes and the metadata")
  func contents() throws {
    let header =
      "{\"__metadata__\":{\"format\":\"pt\"}," + entry("b", "BF16", "[1,3]", 8, 14) + ","
      + entry("scalar", "F32", "[]", 4, 8) + "," + entry("a", "U8", "[2, 2]", 0, 4) + ","
      + entry("none", "F64", "[0]", 14, 14)
      + "}   "
    let file = try SafetensorsFile(bytes: safetensors(header, dataByteCount: 14))
    #expect(file.metadata == ["format": "pt"])
    #expect(file.tensors.map(\.name) == ["a", "scalar", "b", "none"])
    let b = try #require(file.tensor(named: "b"))
    #expect(b.type == .bf16)
    #expect(b.shape == [1, 3])
    #expect(b.elementCount == 3)
    #expect(file.withBytes(of: b) { Array($0) } == [8, 9, 10, 11, 12, 13])
    #expect(file.tensor(named: "scalar")?.elementCount == 1)
    #expect(file.tensor(named: "none")?.elementCount == 0)
    #expect(file.tensor(named: "c") == nil)
    file.releasePages()
  }

  @Test("Every known type", arguments: SafetensorsType.allCases)
  func types(type: SafetensorsType) throws {
    let header = "{" + entry("w", type.rawValue, "[2]", 0, 2 * type.byteCount) + "}"
    let file = try SafetensorsFile(bytes: safetensors(header, dataByteCount: 2 * type.byteCount))
    #expect(file.tensors.first?.type == type)
    if let stored = type.quantType { #expect(stored.blockByteCount == type.byteCount) }
  }

  @Test("A file without tensors")
  func empty() throws {
    #expect(try SafetensorsFile(bytes: safetensors("{}")).tensors.isEmpty)
  }

  @Test("A missing file and an empty one")
  func paths() throws {
    #expect(throws: KingletError.self) { try SafetensorsFile(path: "/nowhere/model.safetensors") }
    let error = #expect(throws: KingletError.self) { try SafetensorsFile(path: NSTemporaryDirectory()) }
    #expect(error?.remedy?.contains(".safetensors") == true)
  }

  @Test("What the writer writes is read back, aligned")
  func roundTrip() throws {
    var writer = SafetensorsWriter()
    writer.metadata = ["format": "pt", "quote\"\n": "\\\u{1}é"]
    try writer.addTensor("small", type: .u8, shape: [3], bytes: [1, 2, 3])
    try writer.addTensor("w", shape: [2, 1], floats: [0.5, -2])
    try writer.addTensor("none", shape: [0, 4], floats: [])
    let file = try SafetensorsFile(bytes: writer.encoded())
    #expect(file.metadata == writer.metadata)
    let w = try #require(file.tensor(named: "w"))
    #expect(w.offset % 8 == 0)
    #expect(w.shape == [2, 1])
    #expect(file.withBytes(of: w) { Array($0.bindMemory(to: Float.self)) } == [0.5, -2])
    #expect(file.tensors.map(\.name) == ["none", "w", "small"])

    for (name, shape) in [("w", [2]), ("x", [3]), ("x", [-1, -2]), ("__metadata__", [2]), ("x", [Int.max, 2])] {
      let error = #expect(throws: KingletError.self) { try writer.addTensor(name, shape: shape, floats: [1, 2]) }
      #expect(error?.code == .invalidArgument)
    }
  }
}
