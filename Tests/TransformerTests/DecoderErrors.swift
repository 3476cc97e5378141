import KingletErrors
import KingletGGUF
import KingletTestSupport
import KingletTransformer
import Testing

/// Files that are well-formed GGUF but no model that can be run: each is refused by name.
@Suite struct DecoderErrors {
  @Test func unknownArchitecture() throws {
    let error = try refusal { $0.metadata["general.architecture"] = .string("mystery") }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("mystery") == true)
    #expect(error?.remedy?.contains("llama") == true)
  }

  @Test func missingTensor() throws {
    let error = try refusal { $0.tensors["blk.1.ffn_up.weight"] = nil }
    #expect(error?.code == .fileCorrupt)
    #expect(error?.location?.contains("blk.1.ffn_up.weight") == true)
  }

  @Test func superfluousTensor() throws {
    let error = try refusal { $0.tensors["blk.0.attn_sinks.weight"] = ([4], [1, 2, 3, 4]) }
    #expect(error?.code == .unsupported)
    #expect(error?.location?.contains("blk.0.attn_sinks.weight") == true)
  }

  @Test func wrongShape() throws {
    let error = try refusal { $0.tensors["blk.0.attn_k.weight"] = ([64, 16], [Float](repeating: 0, count: 1024)) }
    #expect(error?.code == .fileCorrupt)
    #expect(error?.message.contains("64 x 16") == true)
  }

  @Test(arguments: [
    ("llama.attention.head_count", GGUFValue.uint32(0)), ("llama.attention.head_count", .uint32(1 << 31)),
    ("llama.attention.head_count_kv", .uint32(3)), ("llama.block_count", .uint32(0)),
    ("llama.block_count", .uint32(4_000_000_000)), ("llama.embedding_length", .uint64(.max)),
    ("llama.embedding_length", .string("wide")), ("llama.attention.layer_norm_rms_epsilon", .float32(.nan)),
    ("llama.rope.freq_base", .float32(-1)), ("llama.rope.dimension_count", .uint32(7)),
    ("llama.rope.dimension_count", .uint32(64)), ("llama.rope.scaling.type", .string("yarn")),
    ("llama.expert_count", .uint32(8)), ("llama.attention.value_length", .uint32(8)),
    ("llama.context_length", .int32(-5)),
  ])
  func hostileMetadata(_ key: String, _ value: GGUFValue) throws {
    let error = try refusal { $0.metadata[key] = value }
    #expect(error?.location?.contains(key.replacing("head_count_kv", with: "head_count")) == true, "\(error as Any)")
  }

  @Test func tokensOutsideTheVocabulary() throws {
    let decoder = try load(Model())
    var logits: [Float] = []
    for id: Int32 in [-1, 512, .max, .min] {
      let cache = try decoder.makeCache(capacity: 4)
      #expect(throws: KingletError.self) { try decoder.forward([id], cache: cache, logits: &logits) }
      #expect(cache.count == 0)
    }
  }

  @Test func fullContext() throws {
    let decoder = try load(Model())
    let cache = try decoder.makeCache(capacity: 10)
    try decoder.forward([1, 2, 3, 4, 5, 6], cache: cache)
    let error = #expect(throws: KingletError.self) { try decoder.forward([7, 8, 9, 10, 11], cache: cache) }
    #expect(error?.code == .contextOverflow)
    #expect(error?.message.contains("11") == true && error?.message.contains("10") == true)
    #expect(cache.count == 6)
  }

  @Test func cancellationLeavesTheCacheUsable() throws {
    let decoder = try load(Model())
    let cache = try decoder.makeCache(capacity: 32)
    try decoder.forward([1, 2, 3], cache: cache)
    var asked = 0
    let error = #expect(throws: KingletError.self) {
      try decoder.forward(
        [4, 5, 6], cache: cache,
        isCancelled: {
          asked += 1
          return asked == 2
        })
    }
    #expect(error?.code == .cancelled)
    #expect(cache.count == 3)
    var (resumed, fresh): ([Float], [Float]) = ([], [])
    try decoder.forward([4, 5, 6], cache: cache, logits: &resumed)
    try decoder.forward([1, 2, 3, 4, 5, 6], cache: decoder.makeCache(capacity: 8), logits: &fresh)
    #expect(normalizedError(resumed, fresh) < 1e-10)
  }

  // MARK: A model to be spoilt

  struct Model {
    var metadata: [String: GGUFValue] = [:]
    var tensors: [String: (dimensions: [Int], values: [Float])] = [:]

    init() throws {
      let file = try GGUFFile(path: Fixtures.path("arch/llama/model.gguf"))
      for key in file.metadata.keys where key.hasPrefix("llama.") || key.hasPrefix("general.") {
        metadata[key] = file.metadata[key]
      }
      for tensor in file.tensors {
        tensors[tensor.name] = (
          tensor.dimensions, file.withBytes(of: tensor) { Array($0.assumingMemoryBound(to: Float.self)) }
        )
      }
    }

    func encoded() throws -> [UInt8] {
      var writer = GGUFWriter()
      for (key, value) in metadata { writer[key] = value }
      for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
        try writer.addTensor(name, dimensions: tensor.dimensions, floats: tensor.values)
      }
      return try writer.encoded()
    }
  }

  private func load(_ model: Model) throws -> Decoder {
    try Decoder.load(GGUFFile(bytes: model.encoded()))
  }

  private func refusal(_ spoil: (inout Model) -> Void) throws -> KingletError? {
    var model = try Model()
    spoil(&model)
    return #expect(throws: KingletError.self) { _ = try load(model) }
  }
}
