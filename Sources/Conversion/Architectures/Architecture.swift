import KingletErrors
import KingletFiles
import KingletGGUF

/// Keys, without the architecture before them, and values, in the order in which they are written.
typealias Metadata = [(key: String, value: GGUFValue)]

/// What becomes of a Hugging Face model in a GGUF file. Each file of this folder describes one.
struct Architecture: Sendable {
  /// `general.architecture`.
  let name: String
  /// What stands before tensor names in the folder, longest first; tensors without it are named as the rules have it.
  var prefixes: [String] = []
  /// Metadata under the architecture's name.
  var metadata: Metadata
  /// What becomes of each tensor.
  var tensors: [TensorRule]
  /// Beginnings of the names of tensors that the format has no use for.
  var ignored: [String] = []
  /// Tensors that follow from the configuration.
  var computed: [(name: String, values: [Float])] = []
  /// What the format calls projections behind pooling, in their order, of which a model may have as many.
  var projections: [String] = []
  /// Kinds of tokens that sentences are made of (`type_vocab_size`); nil where there are none.
  var tokenTypeCount: Int?

  private static let families: [any ModelFamily.Type] = [
    Llama.self, Qwen2.self, Qwen3.self, Gemma3.self, Bert.self, XLMRoberta.self, NomicBert.self, ModernBert.self,
    JinaBert.self,
  ]

  /// The architecture of the model that `config` describes.
  ///
  /// - Throws: `.unsupported` for a class that is not converted, or a setting of it that the format cannot express.
  static func describe(_ config: HuggingFaceConfig) throws(KingletError) -> Architecture {
    let name = try config.modelClass()
    for family in families where family.classes.contains(name) { return try family.describe(config) }
    let known = families.flatMap { $0.classes }
    throw KingletError(
      .unsupported, "models of class \(quoted(name)) are not converted", at: "config.json: architectures",
      remedy: "Kinglet converts \(known.joined(separator: ", "))")
  }
}

/// Models that are built alike, and described together.
protocol ModelFamily: SendableMetatype {
  /// The classes of such models in transformers.
  static var classes: [String] { get }
  static func describe(_ config: HuggingFaceConfig) throws(KingletError) -> Architecture
}

extension HuggingFaceConfig {
  /// The metadata that all transformers have.
  func sizes() throws(KingletError) -> Metadata {
    [
      ("block_count", .uint32(UInt32(try requiredInteger("num_hidden_layers", "n_layer")))),
      (
        "context_length",
        .uint32(UInt32(try requiredInteger("max_position_embeddings", "max_trained_positions", "n_positions")))
      ),
      ("embedding_length", .uint32(UInt32(try requiredInteger("hidden_size", "n_embd")))),
      ("feed_forward_length", .uint32(UInt32(try requiredInteger("intermediate_size", "n_inner")))),
      ("attention.head_count", .uint32(UInt32(try headCount()))),
    ]
  }

  func headCount() throws(KingletError) -> Int { try requiredInteger("num_attention_heads", "n_head") }
  func keyHeadCount() throws(KingletError) -> Int {
    if let count = try integer("num_key_value_heads") { return count }
    return try headCount()
  }

  /// Values of a head: given, or the width of the model shared out.
  func headSize() throws(KingletError) -> Int {
    let count = try headCount()
    guard count > 0 else { throw wrong(["num_attention_heads", "n_head"], "zero") }
    let shared = try requiredInteger("hidden_size", "n_embd") / count
    let size = try integer("head_dim") ?? shared
    guard (1...1 << 16).contains(size) else { throw wrong(["head_dim", "hidden_size"], "no size of a head") }
    return size
  }

  /// The sizes of a head, which the format has only where they are given.
  func headSizes() throws(KingletError) -> Metadata {
    guard let size = try integer("head_dim") else { return [] }
    return [("attention.key_length", .uint32(UInt32(size))), ("attention.value_length", .uint32(UInt32(size)))]
  }

  /// The metadata of a decoder with rotary positions and RMS norms.
  func decoderMetadata(_ rotary: RotaryConfig) throws(KingletError) -> Metadata {
    try sizes() + [
      ("attention.head_count_kv", .uint32(UInt32(try keyHeadCount()))),
      ("rope.freq_base", .float32(rotary.base)),
      ("attention.layer_norm_rms_epsilon", .float32(try requiredPositive("rms_norm_eps"))),
    ] + rotary.scalingMetadata() + headSizes()
  }

  /// The metadata of an encoder, all of whose tokens see each other.
  func encoderMetadata() throws(KingletError) -> Metadata {
    try sizes() + [
      (
        "attention.layer_norm_epsilon",
        .float32(try requiredPositive("layer_norm_eps", "norm_eps", "layer_norm_epsilon"))
      ),
      ("attention.causal", .bool(false)),
    ]
  }
}
