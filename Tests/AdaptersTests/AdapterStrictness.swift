import Foundation
import KingletAdapters
import KingletErrors
import KingletGGUF
import KingletQuants
import KingletSafetensors
import KingletTestSupport
import KingletTransformer
import Testing

private let folder = "base_model.model.model.layers"
private let query = "\(folder).0.self_attn.q_proj"

/// What a file says that is not so, or cannot be: an adapter is never silently wrong.
@Suite struct AdapterStrictness {
  private func expect(
    _ adapter: ToyAdapter, _ code: KingletError.Code, at place: String, says text: String = "", _ comment: String = ""
  ) throws {
    let error = try adapter.refusal()
    #expect(error?.code == code, "\(comment) \(place): \(String(describing: error))")
    #expect(error?.location?.contains(place) == true, "\(comment) \(String(describing: error))")
    #expect(text.isEmpty || error?.message.contains(text) == true, "\(comment) \(String(describing: error))")
    #expect(error?.remedy != nil, "\(comment) \(String(describing: error))")
  }

  private func changed(_ change: (inout ToyAdapter) -> Void) -> ToyAdapter {
    var adapter = ToyAdapter()
    change(&adapter)
    return adapter
  }

  private func configured(_ fields: [String: Any]) -> ToyAdapter {
    changed { $0.config.merge(fields) { $1 } }
  }

  @Test func factorsOfAnotherBaseAreRefusedByTheirBeginning() throws {
    let begun = ["pissa", "pissa_niter_4", "PiSSA", "olora", "corda", "loftq"]
    for name in begun {
      let adapter = configured(["init_lora_weights": name])
      try expect(adapter, .unsupported, at: "adapter_config.json: init_lora_weights", says: name.lowercased())
      #expect(try adapter.refusal()?.remedy?.contains("path_initial_model_for_weight_conversion") == true)
    }
    try expect(configured(["init_lora_weights": "new"]), .unsupported, at: "init_lora_weights", says: "\"new\"")
    try expect(configured(["init_lora_weights": 1]), .fileCorrupt, at: "init_lora_weights")
    let others: [Any] = [true, false, NSNull(), "gaussian", "eva", "orthogonal", "mica", "lora_ga"]
    for value in others { _ = try configured(["init_lora_weights": value]).loaded() }
  }

  @Test func everyNumberIsFinite() throws {
    for (part, value) in [("lora_A", Float.nan), ("lora_B", .infinity)] {
      let name = "\(query).\(part).weight"
      let adapter = changed { $0.values[name] = [Float](repeating: 0.1, count: 127) + [value] }
      try expect(adapter, .fileCorrupt, at: "adapter_model.safetensors: \(name)", says: "127 of 128 is \(value)")
    }
    let whole = "base_model.model.lm_head.weight"
    let saved = changed {
      $0.tensors[whole] = [512, 64]
      $0.values[whole] = [Float](repeating: -.infinity, count: 512 * 64)
    }
    try expect(saved, .fileCorrupt, at: whole, says: "-inf")
  }

  @Test func everyScaleIsFinite() throws {
    try expect(configured(["lora_alpha": 1e300]), .fileCorrupt, at: "lora_alpha", says: "q_proj")
    try expect(configured(["alpha_pattern": ["down_proj": -1e300]]), .fileCorrupt, at: "alpha_pattern")
    // A number that fits, and weights whose squares do not.
    try expect(configured(["lora_alpha": 1e37]), .invalidArgument, at: "blk.0.", says: "scale of 5e+36")
    let adapter = try ToyAdapter().loaded()
    for strength in [Float(-1e38), 1e20, .nan, .infinity] {
      let error = #expect(throws: KingletError.self) { try adapter.check(strength: strength) }
      #expect(error?.code == .invalidArgument && error?.location?.hasPrefix(adapter.path) == true)
    }
    try adapter.check(strength: -1000)
    let decoder = try tinyDecoder()
    let loaded = try decoder.load(adapter)
    #expect(throws: KingletError.self) { try decoder.allLogits([5], [loaded.scaled(1e20)]) }
    #expect(try decoder.allLogits([5], [loaded.scaled(1000)]).allSatisfy(\.isFinite))
    // Of a row of hardly any length.
    let magnitudes = [Float](repeating: 1e38, count: 64)
    let decomposed = AdapterUpdate(
      tensor: "blk.0.attn_q", rank: 1, a: [Float](repeating: 0, count: 64), b: [Float](repeating: 0, count: 64),
      scale: 1, magnitude: magnitudes, rowOrder: .stored)
    let error = #expect(throws: KingletError.self) { try decoder.adapter([decomposed]) }
    #expect(error?.message.contains("magnitude") == true)
  }

  @Test func shapesAreCompared() throws {
    for shape in [[64, 512], [512 * 64]] {
      let name = "base_model.model.lm_head.weight"
      let adapter = changed { $0.tensors[name] = shape }
      if shape.count == 2 {
        try expect(adapter, .invalidArgument, at: "output", says: "64 x 512 weights, the model 512 x 64")
      } else {
        try expect(adapter, .fileCorrupt, at: name, says: "[32768]")
      }
    }
    let bias = "\(query).bias"
    let biased = changed {
      $0.config["bias"] = "all"
      $0.tensors[bias] = [2, 32]
    }
    try expect(biased, .fileCorrupt, at: bias, says: "[2, 32]")
    func decomposed(_ shape: [Int]) -> ToyAdapter {
      changed {
        $0.config["use_dora"] = true
        $0.tensors = $0.tensors.filter { $0.key.hasPrefix(query) }
        $0.tensors["\(query).lora_magnitude_vector"] = shape
      }
    }
    try expect(decomposed([2, 32]), .fileCorrupt, at: "\(query).lora_magnitude_vector", says: "[2, 32]")
    try expect(decomposed([63]), .invalidArgument, at: "blk.0.attn_q", says: "63 magnitudes, the model 64 rows")
    _ = try decomposed([64]).loaded()
  }

  @Test func whatPEFTLeavesOutIsNotApplied() throws {
    let cases: [([String: Any], String?)] = [
      (["target_modules": ["q_proj"]], "target_modules"),
      (["target_modules": ["q_proj", "down_proj"]], nil),
      (["target_modules": ["proj", "own_proj", "q_proj"]], "target_modules"),
      (["target_modules": [String]()], "target_modules"),
      (["target_modules": "all-linear"], nil),
      (["target_modules": #".*\.(q|down)_proj"#], nil),
      (["target_modules": #"(q|down)_proj"#], "target_modules"),
      (["target_modules": #".*\b(q|down)_proj\b"#], nil),
      (["target_modules": ["q_proj", "down_proj"], "exclude_modules": ["layers.1.mlp.down_proj"]], "exclude_modules"),
      (["exclude_modules": #".*\.1\..*q_proj"#], "exclude_modules"),
      (["exclude_modules": ["k_proj"]], nil),
      (["exclude_modules": [String]()], nil),
      (["target_modules": ["q_proj", "down_proj"], "layers_to_transform": [0, 1]], "layers_to_transform"),
      (["target_modules": ["q_proj", "down_proj"], "layers_to_transform": 2], "layers_to_transform"),
      (["target_modules": ["q_proj", "down_proj"], "layers_to_transform": [2, 1, 0]], nil),
      (["target_modules": ["q_proj", "down_proj"], "layers_to_transform": [Int]()], nil),
      (["layers_to_transform": [0, 1, 2], "layers_pattern": "layers"], nil),
      (["layers_to_transform": [0, 1, 2], "layers_pattern": ["h", "blocks"]], "layers_to_transform"),
      (["target_modules": ".*_proj", "layers_to_transform": [0, 1, 2]], "layers_to_transform"),
    ]
    for (fields, field) in cases {
      let adapter = configured(fields)
      guard let field else {
        #expect(throws: Never.self, "\(fields)") { try adapter.loaded() }
        continue
      }
      let place = fields["target_modules"] as? String == ".*_proj" ? "adapter_config.json" : folder
      try expect(adapter, .fileCorrupt, at: place, says: field, "\(fields)")
    }
    // A whole path is not asked for its layer.
    let whole = (0..<3).flatMap { ["model.layers.\($0).self_attn.q_proj", "model.layers.\($0).mlp.down_proj"] }
    _ = try configured(["target_modules": whole, "layers_to_transform": [0]]).loaded()
    // Embedding and head are no matrices of `all-linear`.
    let headed = changed {
      $0.add("lm_head", columns: 64, rows: 512)
      $0.config["target_modules"] = "all-linear"
    }
    try expect(headed, .fileCorrupt, at: "lm_head.lora_A", says: "target_modules")
    try expect(configured(["target_modules": "(?<=x)y"]), .unsupported, at: "target_modules", says: "(?<=x)y")
  }

  @Test func modulesToSaveAreThere() throws {
    try expect(
      configured(["modules_to_save": ["lm_head"]]), .fileCorrupt, at: "modules_to_save", says: "\"lm_head\"")
    let saved = changed {
      $0.config["modules_to_save"] = ["lm_head"]
      $0.config["target_modules"] = ["q_proj", "down_proj"]
      $0.tensors["base_model.model.lm_head.weight"] = [512, 64]
    }
    _ = try saved.loaded()
    // Not named, but there: `save_embedding_layers` of peft does so, and what it saves is loaded.
    _ = try changed { $0.tensors["base_model.model.lm_head.weight"] = [512, 64] }.loaded()
  }

  @Test func aFieldOfAnotherTypeIsNoAbsentField() throws {
    let fields: [String: [Any]] = [
      "peft_type": [1], "r": ["2", 2.5, true], "lora_alpha": ["4", true, [4]], "use_rslora": [1, "true"],
      "use_dora": [0, "false"], "bias": [3, ["all"]], "rank_pattern": [["q_proj"], "q_proj", ["q_proj": "2"]],
      "alpha_pattern": [["q_proj"], "q_proj", ["q_proj": "2"]], "alora_invocation_tokens": [5, "x", ["x"], [1 << 40]],
      "target_modules": [1, ["q_proj", 1]], "exclude_modules": [true, [1]], "modules_to_save": ["lm_head", [1]],
      "layers_to_transform": ["0", [0.5]], "layers_pattern": [1, [1]],
    ]
    for (key, values) in fields {
      for value in values {
        let adapter = configured([key: value])
        try expect(adapter, .fileCorrupt, at: "adapter_config.json: \(key)", "\(key) \(value)")
      }
    }
    for key in fields.keys where !["peft_type", "r", "lora_alpha"].contains(key) {
      _ = try configured([key: NSNull()]).loaded()
    }
  }

  @Test func twoTensorsForTheSameModuleAreNamedBoth() throws {
    for other in ["\(query).lora_A.default.weight", "model.layers.0.self_attn.q_proj.lora_A.weight"] {
      let adapter = changed { $0.tensors[other] = [2, 64] }
      let error = try adapter.refusal()
      let said = "\(try #require(error))"
      let isNamed = said.contains(other) && said.contains("\(query).lora_A.weight")
      #expect(error?.code == .fileCorrupt && isNamed, "\(said)")
    }
    // The same module by another name.
    let twice = changed { $0.add("layers.0.self_attn.q_proj", columns: 64, rows: 64) }
    let said = "\(try #require(try twice.refusal()))"
    #expect(said.contains("base_model.model.layers.0.self_attn.q_proj") && said.contains(query))
  }

  @Test func whatIsMissingIsNamed() throws {
    let lonely = changed { $0.tensors["\(query).lora_B.weight"] = nil }
    try expect(lonely, .fileCorrupt, at: "layers.0.self_attn.q_proj", says: "lora_B")
    try expect(configured(["use_dora": true]), .fileCorrupt, at: "q_proj", says: "no lora_magnitude_vector")
    let decomposed = changed { $0.tensors["\(query).lora_magnitude_vector"] = [64] }
    try expect(decomposed, .fileCorrupt, at: "q_proj", says: "there is a lora_magnitude_vector")
    try expect(configured(["r": 3]), .fileCorrupt, at: "proj", says: "says 3")
    let embedded = changed {
      let name = "base_model.model.model.embed_tokens"
      $0.config["use_dora"] = true
      $0.tensors = [
        "\(name).lora_embedding_A": [2, 512], "\(name).lora_embedding_B": [64, 2],
        "\(name).lora_magnitude_vector": [64],
      ]
    }
    try expect(embedded, .unsupported, at: "token_embd", says: "embedding")
    // With the file, where there is no module yet.
    let odd = changed { $0.tensors["base_model.model.model.layers.0.self_attn.z_proj.lora_A.weight"] = [2, 64] }
    try expect(odd, .unsupported, at: "adapter_model.safetensors: model.layers.0.self_attn.z_proj")
    try expect(configured(["new_setting": 1]), .unsupported, at: "new_setting")
  }

  @Test func anotherPathIsToldWhatToGive() throws {
    let scratch = try ScratchFolder()
    let adapter = ToyAdapter()
    try adapter.write()
    defer { adapter.remove() }
    let paths = [scratch.path, "\(adapter.path)/adapter_model.safetensors", "\(adapter.path)/adapter_config.json"]
    for path in paths {
      for read in [{ _ = try Adapter(contentsOf: path) }, { _ = try AdapterListing(contentsOf: path) }] {
        let error = #expect(throws: KingletError.self) { try read() }
        #expect(error?.location == path && error?.remedy?.contains("folder") == true)
      }
    }
  }
}

@Suite struct AdapterStrictnessElsewhere {
  private func mlx(_ config: String, _ parts: [String: [Int]], value: Float = 0.1) throws -> KingletError? {
    let scratch = try ScratchFolder()
    var writer = SafetensorsWriter()
    for (name, shape) in parts {
      let values = [Float](repeating: value, count: shape.reduce(1, *))
      try writer.addTensor("model.layers.0.self_attn.q_proj.\(name)", shape: shape, floats: values)
    }
    try writer.write(to: scratch("adapters.safetensors"))
    try scratch.write("adapter_config.json", config)
    do throws(KingletError) { _ = try Adapter(contentsOf: scratch.path) } catch { return error }
    return nil
  }

  @Test func foldersOfMLX() throws {
    let config = #"{"fine_tune_type": "lora", "lora_parameters": {"rank": 2, "scale": 2.0}}"#
    let dora = config.replacingOccurrences(of: "\"lora\"", with: "\"dora\"")
    let pair = ["lora_a": [64, 2], "lora_b": [2, 64]]
    #expect(try mlx(config, pair) == nil)
    #expect(try mlx(dora, pair.merging(["m": [64]]) { $1 }) == nil)
    let q = "model.layers.0.self_attn.q_proj"
    func with(keys: String) -> String { config.replacingOccurrences(of: "2.0}", with: "2.0, \"keys\": \(keys)}") }
    for keys in [#"["self_attn.q_proj", "mlp.up_proj"]"#, "[\"\(q)\"]", "null"] {
      #expect(try mlx(with(keys: keys), pair) == nil, "\(keys)")
    }
    let refused: [(KingletError?, String, String)] = [
      (try mlx(with(keys: #"["self_attn.v_proj", "q_proj"]"#), pair), "\(q).lora_a", "lora_parameters.keys"),
      (try mlx(with(keys: "[]"), pair), "\(q).lora_a", "lora_parameters.keys"),
      (try mlx(with(keys: #""self_attn.q_proj""#), pair), "lora_parameters.keys", "list of texts"),
      (try mlx(config, pair, value: .nan), "adapters.safetensors: \(q)", "nan"),
      (try mlx(config, ["lora_a": [64, 2]]), q, "lora_b"), (try mlx(config, ["lora_b": [2, 64]]), q, "lora_a"),
      (try mlx(config, ["lora_a": [64, 2], "lora_b": [3, 64]]), q, "[64, 3]"),
      (try mlx(dora, pair), q, "m of the update is missing"),
      (try mlx(config, pair.merging(["m": [64]]) { $1 }), q, "fine_tune_type"),
      (try mlx(dora, pair.merging(["m": [2, 32]]) { $1 }), "\(q).m", "[2, 32]"),
      (try mlx(config, pair.merging(["weight": [64, 64]]) { $1 }), "adapters.safetensors: \(q).weight", "no low-rank"),
      (try mlx(#"{"lora_parameters": {"scale": "2"}}"#, pair), "lora_parameters.scale", "finite number"),
      (try mlx(#"{"lora_parameters": {"scale": 1e300}}"#, pair), "lora_parameters.scale", "single precision"),
      (try mlx(#"{"lora_parameters": [2]}"#, pair), "adapter_config.json: lora_parameters", "object"),
      (try mlx(#"{"fine_tune_type": 1, "lora_parameters": {"scale": 2}}"#, pair), "fine_tune_type", "text"),
      (try mlx(#"{"lora_parameters": {}}"#, pair), "lora_parameters.scale", "missing"),
    ]
    for (error, place, text) in refused {
      let isNamed = error?.location?.contains(place) == true && error?.message.contains(text) == true
      #expect(isNamed && error?.remedy != nil, "\(place): \(String(describing: error))")
    }
  }

  @Test func filesOfGGUF() throws {
    func refusal(
      _ settings: [String: GGUFValue] = [:], value: Float = 0.1, second name: String = "blk.0.attn_q.weight.lora_b"
    ) throws -> KingletError? {
      let scratch = try ScratchFolder()
      var writer = GGUFWriter()
      writer["general.type"] = .string("adapter")
      writer["general.architecture"] = .string("llama")
      for (key, setting) in settings { writer[key] = setting }
      let values = [Float](repeating: value, count: 128)
      try writer.addTensor("blk.0.attn_q.weight.lora_a", dimensions: [64, 2], floats: values)
      try writer.addTensor(name, dimensions: [2, 64], floats: values)
      try writer.write(to: scratch("adapter.gguf"))
      do throws(KingletError) { _ = try Adapter(contentsOf: scratch("adapter.gguf")) } catch { return error }
      return nil
    }
    #expect(try refusal() == nil)
    let refused: [(KingletError?, String)] = [
      (try refusal(value: .nan), "adapter.gguf: blk.0.attn_q.weight.lora_a"),
      (try refusal(["adapter.lora.alpha": .float32(.nan)]), "adapter.lora.alpha"),
      (try refusal(["adapter.lora.alpha": .string("4")]), "adapter.lora.alpha"),
      (try refusal(["adapter.lora.alpha": .float32(3e38)]), "blk.0.attn_q"),
      (try refusal(["adapter.type": .uint32(1)]), "adapter.type"),
      (try refusal(["adapter.alora.invocation_tokens": .uint32(5)]), "invocation_tokens"),
      (try refusal(["adapter.alora.invocation_tokens": .array(GGUFArray([UInt32.max]))]), "invocation_tokens"),
      (try refusal(second: "blk.0.attn_q.weight.lora_c"), "adapter.gguf: blk.0.attn_q.weight.lora_c"),
      (try refusal(second: "blk.0.attn_k.weight.lora_b"), "adapter.gguf: blk.0.attn_k"),
    ]
    for (error, place) in refused {
      #expect(error?.location?.contains(place) == true, "\(place): \(String(describing: error))")
    }
  }

  /// An embedding and a head with copies of the base's weights, as PEFT saves them.
  private func copied(
    _ values: [Float], rows: Int = 512, _ module: String = "model.embed_tokens"
  ) throws -> Adapter {
    var adapter = ToyAdapter()
    adapter.add("lm_head", columns: 64, rows: 512)
    let embedding = "base_model.model.model.embed_tokens"
    adapter.tensors["\(embedding).lora_embedding_A"] = [2, 512]
    adapter.tensors["\(embedding).lora_embedding_B"] = [64, 2]
    let copy = "base_model.model.\(module).base_layer.weight"
    adapter.tensors[copy] = [rows, values.count / rows]
    adapter.values[copy] = values
    return try adapter.loaded()
  }

  @Test func copiesOfTheBaseAreItsWeights() throws {
    let file = try GGUFFile(path: Fixtures.path("arch/llama/model.gguf"))
    let (decoder, base) = (try tinyDecoder(), try AdapterBase(file))
    func weights(_ name: String) throws -> [Float] {
      let tensor = try #require(file.tensor(named: name))
      return try #require(file.withBytes(of: tensor, tensor.type.floats))
    }
    func accept(_ adapter: Adapter) throws {
      _ = try decoder.load(adapter)
      try base.check(adapter)
    }
    func refusal(_ adapter: Adapter) throws -> KingletError? {
      let error = try #require(#expect(throws: KingletError.self) { try base.check(adapter) })
      #expect(throws: error) { try decoder.load(adapter) }
      return error
    }
    for (module, name) in [("model.embed_tokens", "token_embd"), ("lm_head", "output")] {
      let own = try weights("\(name).weight")
      try accept(copied(own, module))
      for type in [QuantType.bf16, .f16] {
        try accept(copied(try #require(type.bytes(own)?.withUnsafeBytes(type.floats)), module))
      }
      let other = try refusal(copied(own.map { $0 * 1.05 }, module))
      #expect(other?.code == .invalidArgument && other?.location?.hasSuffix(name) == true)
      // One row, of those that are looked at.
      var last = own
      last[own.count - 1] += 1
      #expect(try refusal(copied(last, module))?.message.contains("row 511") == true)
      let longer = try refusal(copied(own + own.prefix(64), rows: 513, module))
      #expect(longer?.message.contains("513 x 64 weights, the model has 512 x 64") == true)
    }
    #expect(throws: KingletError.self) {
      try copied([Float](repeating: 0, count: 64 * 64), rows: 64, "model.layers.0.self_attn.q_proj")
    }
  }

  /// Rounded to few bits the base is another by more than that, and still the same.
  @Test(arguments: [QuantType.q8_0, .q4_0]) func copiesOfQuantizedWeights(_ type: QuantType) throws {
    let file = try GGUFFile(path: Fixtures.path("arch/llama/model.gguf"))
    let tensor = try #require(file.tensor(named: "token_embd.weight"))
    let own = try #require(file.withBytes(of: tensor, tensor.type.floats))
    var writer = GGUFWriter()
    for key in file.metadata.keys { writer[key] = file.metadata[key] }
    for tensor in file.tensors {
      let values = try #require(file.withBytes(of: tensor, tensor.type.floats))
      if tensor.name == "token_embd.weight" {
        try writer.addTensor(
          tensor.name, dimensions: tensor.dimensions, type: type, bytes: try #require(type.bytes(values)))
      } else {
        try writer.addTensor(tensor.name, dimensions: tensor.dimensions, floats: values)
      }
    }
    let rounded = try GGUFFile(bytes: writer.encoded())
    let decoder = try Decoder.load(rounded, options: .init(compute: .init(threads: 2, matmul: .simd)))
    let (same, other) = (try copied(own), try copied(own.reversed()))
    _ = try decoder.load(same)
    try AdapterBase(rounded).check(same)
    #expect(throws: KingletError.self) { try decoder.load(other) }
    #expect(throws: KingletError.self) { try AdapterBase(rounded).check(other) }
  }
}
