import KingletErrors
import KingletFiles
import KingletGGUF

/// ModernBERT: norms before each part, rotary positions with a base of their own in the layers that have a window, gate
/// and values of the feed-forward part in one matrix. The first layer takes the embeddings as they are, without a norm.
enum ModernBert: ModelFamily {
  static let classes = ["ModernBertModel", "ModernBertForMaskedLM"]

  static func describe(_ config: HuggingFaceConfig) throws(KingletError) -> Architecture {
    let activation = "hidden_activation"
    try config.require(activation, in: [.string("gelu")])
    let full = try RotaryConfig(
      config, layers: "full_attention", baseKeys: ["global_rope_theta"], defaultBase: 160_000)
    let sliding = try RotaryConfig(config, layers: "sliding_attention", baseKeys: ["local_rope_theta"])
    guard try full.scalingMetadata().isEmpty, try sliding.scalingMetadata().isEmpty else {
      throw config.unsupported(["rope_parameters"], "rotary scaling is not supported")
    }
    var metadata = try config.encoderMetadata()
    metadata += [
      ("rope.freq_base", .float32(full.base)),
      ("rope.freq_base_swa", .float32(sliding.base)),
      ("rope.scaling.type", .string("none")),
      ("attention.layer_norm_rms_epsilon", .float32(try config.requiredPositive("norm_eps"))),
      ("attention.sliding_window", .uint32(UInt32(try config.requiredInteger("local_attention")))),
      ("attention.sliding_window_pattern", .uint32(UInt32(try period(config)))),
      ("vocab_size", .uint32(UInt32(try config.requiredInteger("vocab_size")))),
      ("hidden_activation", .string(config[activation]?.string ?? "gelu")),
    ]
    if let name = config["classifier_pooling"]?.string {
      guard let pooling = Pooling(named: name) else {
        throw config.unsupported(["classifier_pooling"], "pooling \(quoted(name)) is not supported")
      }
      metadata.append(("classifier.pooling_type", .uint32(pooling.rawValue)))
    }
    return Architecture(
      name: "modern-bert", prefixes: ["model."], metadata: metadata, tensors: tensors, ignored: ["head.", "decoder."],
      tokenTypeCount: 1)
  }

  private static let tensors = [
    TensorRule("embeddings.tok_embeddings", "token_embd"),
    TensorRule("embeddings.norm", "token_embd_norm"),
    TensorRule("final_norm", "output_norm"),
    TensorRule("layers.*.attn_norm", "blk.*.attn_norm", weight: .optional),
    TensorRule("layers.*.attn.Wqkv", "blk.*.attn_qkv"),
    TensorRule("layers.*.attn.Wo", "blk.*.attn_output"),
    TensorRule("layers.*.mlp_norm", "blk.*.ffn_norm"),
    TensorRule("layers.*.mlp.Wi", "blk.*.ffn_up"),
    TensorRule("layers.*.mlp.Wo", "blk.*.ffn_down"),
  ]

  /// Every how many layers one sees everything, the first being such a one.
  private static func period(_ config: HuggingFaceConfig) throws(KingletError) -> Int {
    let kinds = config["layer_types"]?.array ?? []
    let second = kinds.dropFirst().firstIndex(of: .string("full_attention"))
    let period = try config.integer("global_attn_every_n_layers") ?? second ?? 3
    guard period > 0 else {
      throw config.wrong(["global_attn_every_n_layers"], "zero")
    }
    for (index, kind) in kinds.enumerated() {
      let expected = index % period == 0 ? "full_attention" : "sliding_attention"
      guard kind == .string(expected) else {
        throw config.unsupported(["layer_types"], "layer \(index) is not of the kind '\(expected)'")
      }
    }
    return period
  }
}
