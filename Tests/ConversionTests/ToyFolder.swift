import Foundation
import KingletSafetensors

/// The smallest Hugging Face folder: a BERT of one layer, four wide. Its parts can be changed before it is written.
struct ToyFolder {
  let path = NSTemporaryDirectory() + "/kinglet-\(UUID().uuidString)"
  var config = """
    {"architectures": ["BertModel"], "hidden_act": "gelu", "hidden_size": 4, "intermediate_size": 8,
     "layer_norm_eps": 1e-12, "max_position_embeddings": 6, "num_attention_heads": 2, "num_hidden_layers": 1,
     "type_vocab_size": 2, "vocab_size": 5, "position_embedding_type": "absolute"}
    """
  var files: [String: String] = [:]
  var shapes: [String: [Int]] = {
    let layer = "encoder.layer.0."
    var shapes = [
      "embeddings.word_embeddings.weight": [5, 4], "embeddings.position_embeddings.weight": [6, 4],
      "embeddings.token_type_embeddings.weight": [2, 4], layer + "intermediate.dense.weight": [8, 4],
      layer + "intermediate.dense.bias": [8], layer + "output.dense.weight": [4, 8], layer + "output.dense.bias": [4],
      "pooler.dense.weight": [4, 4],
    ]
    for name in ["embeddings.LayerNorm", layer + "output.LayerNorm", layer + "attention.output.LayerNorm"] {
      shapes[name + ".weight"] = [4]
      shapes[name + ".bias"] = [4]
    }
    for name in ["self.query", "self.key", "self.value", "output.dense"] {
      shapes[layer + "attention." + name + ".weight"] = [4, 4]
      shapes[layer + "attention." + name + ".bias"] = [4]
    }
    return shapes
  }()

  /// Writes the folder; each weight counts up from zero.
  func write() throws {
    var writer = SafetensorsWriter()
    for (name, shape) in shapes {
      try writer.addTensor(name, shape: shape, floats: (0..<shape.reduce(1, *)).map { Float($0) })
    }
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try writer.write(to: path + "/model.safetensors")
    for (name, text) in files.merging(["config.json": config], uniquingKeysWith: { a, _ in a }) {
      let file = URL(fileURLWithPath: "\(path)/\(name)")
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
  }

  /// Sets a key of the configuration; nil takes it away.
  mutating func set(_ key: String, _ value: Any?) throws {
    var object = try JSONSerialization.jsonObject(with: Data(config.utf8)) as? [String: Any] ?? [:]
    object[key] = value
    config = String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self)
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
