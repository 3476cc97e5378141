import Foundation
import KingletErrors
import KingletSafetensors
import Testing

@Suite("Folders of weights")
final class SafetensorsFolderTests {
  private let folder = NSTemporaryDirectory() + "/kinglet-\(UUID().uuidString)"

  init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func put(_ name: String, _ tensors: [String: Float]) throws {
    var writer = SafetensorsWriter()
    for (name, value) in tensors { try writer.addTensor(name, shape: [1], floats: [value]) }
    try writer.write(to: "\(folder)/\(name)")
  }

  private func put(index: String) throws {
    try Data(index.utf8).write(to: URL(fileURLWithPath: "\(folder)/model.safetensors.index.json"))
  }

  private func refusal() -> KingletError? {
    #expect(throws: KingletError.self) { try SafetensorsFolder(path: folder) }
  }

  @Test("One file")
  func single() throws {
    try put("model.safetensors", ["a": 1, "b": 2])
    let weights = try SafetensorsFolder(path: folder)
    #expect(weights.tensors.map(\.name) == ["a", "b"])
    #expect(weights.files.count == 1)
  }

  @Test("Shards: each tensor is read from its file")
  func shards() throws {
    try put("model-00002-of-00002.safetensors", ["a": 1])
    try put("model-00001-of-00002.safetensors", ["b": 2])
    try put("model.safetensors", ["c": 3])
    try put(
      index: """
        {"metadata": {"total_size": 8},
         "weight_map": {"a": "model-00002-of-00002.safetensors", "b": "model-00001-of-00002.safetensors"}}
        """)
    let weights = try SafetensorsFolder(path: folder)
    #expect(weights.tensors.map(\.name) == ["b", "a"])
    let a = try #require(weights.tensor(named: "a"))
    #expect(weights.withBytes(of: a) { $0.loadUnaligned(as: Float.self) } == 1)
    #expect(weights.tensor(named: "c") == nil)
    weights.releasePages()
  }

  @Test("Indices that lie, lead elsewhere or are no index")
  func indices() throws {
    try put("x.safetensors", ["a": 1])
    try put("y.safetensors", ["a": 1])
    let indices = [
      "{\"weight_map\": {\"a\": \"../x.safetensors\"}}", "{\"weight_map\": {\"a\": \"model.bin\"}}",
      "{\"weight_map\": {\"a\": 1}}", "{\"weight_map\": {}}", "{\"weight_map\": []}", "{}", "{", "",
      "{\"weight_map\": {\"b\": \"x.safetensors\"}}", "{\"weight_map\": {\"a\": \"missing.safetensors\"}}",
      "{\"weight_map\": {\"a\": \"x.safetensors\", \"c\": \"y.safetensors\"}}",
    ]
    for index in indices {
      try put(index: index)
      #expect(refusal()?.location?.hasPrefix(folder) == true, "\(index)")
    }
  }

  @Test("Pickled weights are refused, with the reason")
  func pickle() throws {
    try Data().write(to: URL(fileURLWithPath: "\(folder)/pytorch_model.bin"))
    let error = refusal()
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("programs") == true)
  }

  @Test("Rows as floats, of every type of fractions")
  func floats() throws {
    var writer = SafetensorsWriter()
    func put<T: FixedWidthInteger>(_ type: SafetensorsType, _ bits: [T]) throws {
      let bytes = bits.flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) }
      try writer.addTensor(type.rawValue, type: type, shape: [2, 1], bytes: bytes)
    }
    try put(.f64, [1.5, -2.0].map(\.bitPattern))
    try put(.f32, [Float(1.5), -2].map(\.bitPattern))
    try put(.f16, [0x3E00, 0xC000] as [UInt16])
    try put(.bf16, [0x3FC0, 0xC000] as [UInt16])
    try put(.i16, [1, 2] as [UInt16])
    try writer.write(to: folder + "/model.safetensors")
    let weights = try SafetensorsFolder(path: folder)
    for tensor in weights.tensors where tensor.type.isFloat {
      #expect(try weights.floats(of: tensor, rows: 0..<2) == [1.5, -2], "\(tensor.name)")
      #expect(try weights.floats(of: tensor, rows: 1..<2) == [-2])
      #expect(throws: KingletError.self) { try weights.floats(of: tensor, rows: 1..<3) }
    }
    let integers = try #require(weights.tensor(named: "I16"))
    let error = #expect(throws: KingletError.self) { try weights.floats(of: integers, rows: 0..<1) }
    #expect(error?.code == .unsupported)
  }

  @Test("No weights at all")
  func none() { #expect(refusal()?.code == .fileNotFound) }
}
