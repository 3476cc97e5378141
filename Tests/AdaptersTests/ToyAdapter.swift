import Foundation
import KingletAdapters
import KingletErrors
import KingletGGUF
import KingletSafetensors
import KingletTensors
import KingletTestSupport
import KingletTransformer
import Testing

/// A folder or file of an adapter for the committed tiny llama (64 wide, 3 layers), made here; its parts can be changed.
struct ToyAdapter {
  let path = NSTemporaryDirectory() + "kinglet-\(UUID().uuidString)"
  var config: [String: Any] = ["peft_type": "LORA", "r": 2, "lora_alpha": 4, "bias": "none"]
  var tensors: [String: [Int]] = [:]
  /// In place of random numbers.
  var values: [String: [Float]] = [:]
  var weightsName = "adapter_model.safetensors"

  init() {
    for layer in 0..<3 {
      add("model.layers.\(layer).self_attn.q_proj", columns: 64, rows: 64)
      add("model.layers.\(layer).mlp.down_proj", columns: 144, rows: 64)
    }
  }

  mutating func add(_ module: String, columns: Int, rows: Int, rank: Int = 2) {
    tensors["base_model.model.\(module).lora_A.weight"] = [rank, columns]
    tensors["base_model.model.\(module).lora_B.weight"] = [rows, rank]
  }

  func write(seed: Int = 1) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try JSONSerialization.data(withJSONObject: config).write(to: URL(fileURLWithPath: path + "/adapter_config.json"))
    var random = SeededRandom(UInt64(seed))
    var writer = SafetensorsWriter()
    for (name, shape) in tensors.sorted(by: { $0.key < $1.key }) {
      try writer.addTensor(
        name, shape: shape, floats: values[name] ?? random.floats(shape.reduce(1, *), deviation: 0.2))
    }
    try writer.write(to: path + "/" + weightsName)
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }

  func loaded(seed: Int = 1) throws -> Adapter {
    defer { remove() }
    try write(seed: seed)
    return try Adapter(contentsOf: path)
  }

  /// What is said of it when it is read, or when it meets the model.
  func refusal() throws -> KingletError? {
    let decoder = try tinyDecoder()
    return #expect(throws: KingletError.self) { try decoder.adapter(loaded().updates) }
  }
}

func tinyDecoder(threads: Int = 2) throws -> Decoder {
  try Decoder.load(
    GGUFFile(path: Fixtures.path("arch/llama/model.gguf")),
    options: .init(compute: .init(threads: threads, matmul: .simd)))
}
