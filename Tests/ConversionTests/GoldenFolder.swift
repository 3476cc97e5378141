import Foundation
import KingletGGUF
import KingletSafetensors
import KingletTestSupport

/// The Hugging Face folder that a golden model was converted from, made again from the GGUF file: tensors by their old
/// names and in their old layout, and the configuration that the golden set keeps.
///
/// The names are written out here once more, so that the rules of the room are not tested against themselves.
struct GoldenFolder {
  let path: String
  let golden: GGUFFile

  init(_ name: String, in parent: String) throws {
    path = "\(parent)/\(name)"
    golden = try GGUFFile(path: Shared.path("golden/arch/\(name)/model.gguf"))
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let record = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: Shared.path("golden/arch/\(name)/golden.json"))))
    guard let record = record as? [String: Any], let config = record["config"] as? [String: Any] else {
      throw CocoaError(.fileReadCorruptFile)
    }
    try JSONSerialization.data(withJSONObject: config).write(to: URL(fileURLWithPath: path + "/config.json"))
    if let pooling = record["pooling"] as? String { try writeModules(pooling) }
    try writeWeights(config, of: record["hf_class"] as? String ?? "")
  }

  /// Projections of (rows, columns), as Sentence Transformers keeps them.
  func addProjections(
    _ shapes: [(Int, Int)],
    config: String = #"{"bias": false, "activation_function": "torch.nn.modules.linear.Identity"}"#
  ) throws {
    var modules = [#"{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}"#]
    for (index, shape) in shapes.enumerated() {
      let place = "\(index + 2)_Dense"
      modules.append(#"{"path": "\#(place)", "type": "sentence_transformers.models.Dense"}"#)
      try FileManager.default.createDirectory(atPath: "\(path)/\(place)", withIntermediateDirectories: true)
      try Data(config.utf8).write(to: URL(fileURLWithPath: "\(path)/\(place)/config.json"))
      var writer = SafetensorsWriter()
      let values = (0..<shape.0 * shape.1).map { Float(($0 * 7) % 13) - 6 }
      try writer.addTensor("linear.weight", shape: [shape.0, shape.1], floats: values)
      try writer.write(to: "\(path)/\(place)/model.safetensors")
    }
    try Data("[\(modules.joined(separator: ", "))]".utf8).write(to: URL(fileURLWithPath: path + "/modules.json"))
  }

  private func writeModules(_ pooling: String) throws {
    let type = ["mean": "mean_tokens", "cls": "cls_token", "last": "lasttoken"][pooling] ?? ""
    try FileManager.default.createDirectory(atPath: path + "/1_Pooling", withIntermediateDirectories: true)
    let modules = #"[{"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]"#
    try Data(modules.utf8).write(to: URL(fileURLWithPath: path + "/modules.json"))
    let modes = ["mean_tokens", "cls_token", "lasttoken"].map { "\"pooling_mode_\($0)\": \($0 == type)" }
    try Data("{\(modes.joined(separator: ", "))}".utf8)
      .write(to: URL(fileURLWithPath: path + "/1_Pooling/config.json"))
  }

  private func writeWeights(_ config: [String: Any], of modelClass: String) throws {
    let architecture = golden.metadata["general.architecture"]?.string ?? ""
    let names = Self.names[architecture] ?? [:]
    var writer = SafetensorsWriter()
    for tensor in golden.tensors where tensor.name != "rope_freqs.weight" {
      var parts = tensor.name.split(separator: ".").map(String.init)
      let leaf = parts.removeLast()
      let layer = parts.first == "blk" ? parts[1] : nil
      if layer != nil { parts.removeFirst(2) }
      let source = (names[parts.joined(separator: ".")] ?? "?").replacingOccurrences(of: "*", with: layer ?? "")
      let isHead = source == "lm_head"
      let name = (modelClass.hasSuffix("ForCausalLM") && !isHead ? "model." : "") + source + "." + leaf
      var values: [Float] = golden.withBytes(of: tensor) { Array($0.bindMemory(to: Float.self)) }
      var shape = Array(tensor.dimensions.reversed())
      if architecture == "llama", ["attn_q", "attn_k"].contains(parts[0]) {
        let key = parts[0] == "attn_q" ? "num_attention_heads" : "num_key_value_heads"
        values = unpaired(values, heads: config[key] as? Int ?? 0, rowLength: shape[1])
      }
      if architecture.hasPrefix("gemma"), parts[0].hasSuffix("norm") { values = values.map { $0 - 1 } }
      if modelClass == "XLMRobertaModel", parts[0] == "position_embd" {
        values = Array(repeating: .nan, count: 2 * shape[1]) + values
        shape[0] += 2
      }
      try writer.addTensor(name, shape: shape, floats: values)
    }
    try writer.write(to: path + "/model.safetensors")
  }

  /// Rows of each head from adjacent pairs back to halves.
  private func unpaired(_ values: [Float], heads: Int, rowLength: Int) -> [Float] {
    let size = values.count / rowLength / heads
    return (0..<heads).flatMap { head in
      (0..<size).flatMap { row in
        let stored = head * size + row % (size / 2) * 2 + row / (size / 2)
        return values[stored * rowLength..<(stored + 1) * rowLength]
      }
    }
  }

  private static let decoder = [
    "token_embd": "embed_tokens", "output_norm": "norm", "output": "lm_head",
    "attn_norm": "layers.*.input_layernorm", "attn_q": "layers.*.self_attn.q_proj",
    "attn_k": "layers.*.self_attn.k_proj", "attn_v": "layers.*.self_attn.v_proj",
    "attn_output": "layers.*.self_attn.o_proj", "attn_q_norm": "layers.*.self_attn.q_norm",
    "attn_k_norm": "layers.*.self_attn.k_norm", "ffn_norm": "layers.*.post_attention_layernorm",
    "ffn_gate": "layers.*.mlp.gate_proj", "ffn_up": "layers.*.mlp.up_proj", "ffn_down": "layers.*.mlp.down_proj",
  ]

  private static let gemma = decoder.merging([
    "post_attention_norm": "layers.*.post_attention_layernorm", "ffn_norm": "layers.*.pre_feedforward_layernorm",
    "post_ffw_norm": "layers.*.post_feedforward_layernorm",
  ]) { $1 }

  private static let bert = [
    "token_embd": "embeddings.word_embeddings", "token_types": "embeddings.token_type_embeddings",
    "position_embd": "embeddings.position_embeddings", "token_embd_norm": "embeddings.LayerNorm",
    "attn_q": "encoder.layer.*.attention.self.query", "attn_k": "encoder.layer.*.attention.self.key",
    "attn_v": "encoder.layer.*.attention.self.value", "attn_output": "encoder.layer.*.attention.output.dense",
    "attn_output_norm": "encoder.layer.*.attention.output.LayerNorm",
    "ffn_up": "encoder.layer.*.intermediate.dense", "ffn_down": "encoder.layer.*.output.dense",
    "layer_output_norm": "encoder.layer.*.output.LayerNorm",
  ]

  private static let names: [String: [String: String]] = [
    "llama": decoder, "qwen2": decoder, "qwen3": decoder, "gemma3": gemma, "gemma-embedding": gemma, "bert": bert,
    "jina-bert-v2": bert.merging([
      "ffn_up": "encoder.layer.*.mlp.gated_layers", "ffn_down": "encoder.layer.*.mlp.wo",
      "layer_output_norm": "encoder.layer.*.mlp.layernorm",
    ]) { $1 },
    "nomic-bert": [
      "token_embd": "embeddings.word_embeddings", "token_types": "embeddings.token_type_embeddings",
      "token_embd_norm": "emb_ln", "attn_qkv": "encoder.layers.*.attn.Wqkv",
      "attn_output": "encoder.layers.*.attn.out_proj", "ffn_up": "encoder.layers.*.mlp.fc11",
      "ffn_gate": "encoder.layers.*.mlp.fc12", "ffn_down": "encoder.layers.*.mlp.fc2",
      "attn_output_norm": "encoder.layers.*.norm1", "layer_output_norm": "encoder.layers.*.norm2",
    ],
    "modern-bert": [
      "token_embd": "embeddings.tok_embeddings", "token_embd_norm": "embeddings.norm", "output_norm": "final_norm",
      "attn_norm": "layers.*.attn_norm", "attn_qkv": "layers.*.attn.Wqkv", "attn_output": "layers.*.attn.Wo",
      "ffn_norm": "layers.*.mlp_norm", "ffn_up": "layers.*.mlp.Wi", "ffn_down": "layers.*.mlp.Wo",
    ],
  ]
}
