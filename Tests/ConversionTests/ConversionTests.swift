import Foundation
import KingletConversion
import KingletErrors
import KingletGGUF
import Testing

@Suite("Conversion of Hugging Face folders")
struct ConversionTests {
  private func converted(_ folder: ToyFolder, type: WeightType? = nil) throws -> GGUFFile {
    defer { folder.remove() }
    try folder.write()
    let path = folder.path + "/out.gguf"
    try HuggingFaceModel(folder: folder.path).write(to: path, type: type)
    return try GGUFFile(path: path)
  }

  private func refusal(_ folder: ToyFolder) throws -> KingletError? {
    defer { folder.remove() }
    try folder.write()
    return #expect(throws: KingletError.self) { try HuggingFaceModel(folder: folder.path) }
  }

  @Test("What a sentence transformer says of itself is kept")
  func modules() throws {
    var folder = ToyFolder()
    folder.files["modules.json"] = """
      [{"path": "", "type": "sentence_transformers.models.Transformer"},
       {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
       {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
      """
    folder.files["1_Pooling/config.json"] = #"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#
    folder.files["sentence_bert_config.json"] = #"{"max_seq_length": 5, "do_lower_case": false}"#
    let metadata = try converted(folder).metadata
    #expect(metadata["bert.pooling_type"] == .uint32(2))
    #expect(metadata["kinglet.embedding.normalize"] == .bool(true))
    #expect(metadata["kinglet.embedding.max_tokens"] == .uint32(5))
    #expect(metadata["bert.context_length"] == .uint32(6))
    #expect(metadata["general.file_type"] == .uint32(0))

    folder = ToyFolder()
    folder.files["modules.json"] = #"[{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]"#
    folder.files["1_Pooling/config.json"] = #"{"pooling_mode": "lasttoken"}"#
    let other = try converted(folder).metadata
    #expect(other["bert.pooling_type"] == .uint32(3))
    #expect(other["kinglet.embedding.normalize"] == .bool(false))
    #expect(try converted(ToyFolder()).metadata["bert.pooling_type"] == nil)
  }

  @Test("A cross-encoder keeps its head")
  func ranker() throws {
    var folder = ToyFolder()
    folder.shapes["pooler.dense.bias"] = [4]
    folder.shapes = Dictionary(uniqueKeysWithValues: folder.shapes.map { ("bert." + $0, $1) })
    folder.shapes["classifier.weight"] = [1, 4]
    folder.shapes["classifier.bias"] = [1]
    try folder.set("architectures", ["BertForSequenceClassification"])
    try folder.set("id2label", ["0": "relevance"])
    let file = try converted(folder)
    #expect(file.metadata["bert.pooling_type"] == .uint32(4))
    #expect(file.metadata["bert.classifier.output_labels"]?.array?.strings.map(Array.init) == ["relevance"])
    #expect(file.tensor(named: "cls.weight")?.dimensions == [4, 4])
    #expect(file.tensor(named: "cls.output.weight")?.dimensions == [4, 1])
    #expect(file.tensor(named: "cls.output.bias") != nil)
  }

  @Test("Tensors that are missing or unknown are named")
  func tensors() throws {
    for name in ToyFolder().shapes.keys where !name.hasPrefix("pooler") && !name.contains("token_type") {
      var folder = ToyFolder()
      folder.shapes[name] = nil
      #expect(try refusal(folder)?.message.contains(name) == true)
    }
    for name in ["encoder.layer.0.attention.self.extra.weight", "encoder.layer.1.output.dense.bias", "lm_head.weight"] {
      var folder = ToyFolder()
      folder.shapes[name] = [4]
      let error = try refusal(folder)
      #expect(error?.code == .unsupported)
      #expect(error?.message.contains(name) == true)
    }
  }

  @Test("Settings that the format cannot express are refused by name")
  func settings() throws {
    let settings: [(String, Any?, KingletError.Code)] = [
      ("architectures", ["BirdModel"], .unsupported), ("architectures", [String](), .fileCorrupt),
      ("hidden_act", "relu", .unsupported), ("position_embedding_type", "relative_key", .unsupported),
      ("hidden_size", nil, .fileCorrupt), ("hidden_size", -4, .fileCorrupt), ("hidden_size", "4", .fileCorrupt),
      ("hidden_size", 1e12, .fileCorrupt), ("num_hidden_layers", 1 << 30, .fileCorrupt),
      ("layer_norm_eps", 0, .fileCorrupt), ("max_position_embeddings", nil, .fileCorrupt),
    ]
    for (key, value, code) in settings {
      var folder = ToyFolder()
      try folder.set(key, value)
      let error = try refusal(folder)
      #expect(error?.code == code, "\(key)")
      #expect(error?.location?.contains(key) == true, "\(key)")
    }
  }

  @Test("Modules that lead elsewhere, or that the format has no place for")
  func badModules() throws {
    let pooling = "sentence_transformers.models.Pooling"
    let lists = [
      "{}", "[7]", #"[{"path": "../1_Pooling", "type": "\#(pooling)"}]"#, #"[{"path": "/etc", "type": "\#(pooling)"}]"#,
      #"[{"path": "none", "type": "\#(pooling)"}]"#,
      #"[{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]"#,
      #"[{"path": "1_Pooling", "type": "\#(pooling)"}]"#,
    ]
    for list in lists {
      var folder = ToyFolder()
      folder.files["modules.json"] = list
      folder.files["1_Pooling/config.json"] = #"{"pooling_mode_max_tokens": true}"#
      #expect(try refusal(folder) != nil, "\(list)")
    }
  }

  @Test("Cut anywhere, a configuration is refused")
  func truncation() throws {
    let folder = ToyFolder()
    defer { folder.remove() }
    try folder.write()
    let whole = Array(folder.config.utf8)
    // The last byte is the bracket that closes it.
    for length in 0..<whole.count {
      try Data(whole[..<length]).write(to: URL(fileURLWithPath: folder.path + "/config.json"))
      #expect(throws: KingletError.self) { try HuggingFaceModel(folder: folder.path) }
    }
  }

  @Test("Cancelled, it leaves no file")
  func cancellation() throws {
    let folder = ToyFolder()
    defer { folder.remove() }
    try folder.write()
    let before = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let error = #expect(throws: KingletError.self) {
      try HuggingFaceModel(folder: folder.path).write(to: folder.path + "/out.gguf", isCancelled: { true })
    }
    #expect(error?.code == .cancelled)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == before)
  }

  @Test("A folder that is none")
  func missing() {
    let error = #expect(throws: KingletError.self) { try HuggingFaceModel(folder: "/nowhere") }
    #expect(error?.code == .fileNotFound)
  }
}
