import KingletErrors
import KingletFiles
import KingletGGUF

/// The text part of Gemma 3, and EmbeddingGemma, which is the same seeing both ways.
///
/// Norms multiply by one plus their weight, and the format stores the sum. Of every six layers five have a window.
enum Gemma3: ModelFamily {
  static let classes = ["Gemma3ForCausalLM", "Gemma3ForConditionalGeneration", "Gemma3TextModel"]
  private static let period = 6

  static func describe(_ config: HuggingFaceConfig) throws(KingletError) -> Architecture {
    try config.require("hidden_activation", "hidden_act", in: [.string("gelu_pytorch_tanh")])
    try config.require("attn_logit_softcapping", in: [])
    try config.require("final_logit_softcapping", in: [])
    try refuseOtherScale(config)
    try refuseOtherWindows(config)
    let full = try RotaryConfig(config, layers: "full_attention", defaultBase: 1_000_000)
    let sliding = try RotaryConfig(
      config, layers: "sliding_attention", baseKeys: ["rope_local_base_freq"], isScaled: false)
    var metadata = try config.decoderMetadata(full)
    metadata += [
      ("rope.freq_base_swa", .float32(sliding.base)),
      ("attention.sliding_window", .uint32(UInt32(try config.requiredInteger("sliding_window")))),
    ]
    let isEmbedder = try config.isTrue("use_bidirectional_attention")
    return Architecture(
      name: isEmbedder ? "gemma-embedding" : "gemma3",
      prefixes: ["model.language_model.", "language_model.model.", "language_model.", "model."], metadata: metadata,
      tensors: try TensorRule.decoder(config, attentionBias: .absent, normChange: .addingOne)
        + TensorRule.headNorms(change: .addingOne) + norms,
      ignored: ["vision_tower.", "multi_modal_projector."], projections: isEmbedder ? ["dense_2", "dense_3"] : [])
  }

  private static let norms = [
    TensorRule("layers.*.post_attention_layernorm", "blk.*.post_attention_norm", change: .addingOne),
    TensorRule("layers.*.pre_feedforward_layernorm", "blk.*.ffn_norm", change: .addingOne),
    TensorRule("layers.*.post_feedforward_layernorm", "blk.*.post_ffw_norm", change: .addingOne),
  ]

  /// The format has no key for the scale of attention: engines take the head's size, and know the one model (27B, of 62
  /// layers) that does otherwise.
  private static func refuseOtherScale(_ config: HuggingFaceConfig) throws(KingletError) {
    guard let scale = try config.integer("query_pre_attn_scalar"),
      scale != (try config.headSize()), try config.integer("num_hidden_layers") != 62
    else { return }
    throw config.unsupported(["query_pre_attn_scalar"], "\(scale) is not the size of a head")
  }

  private static func refuseOtherWindows(_ config: HuggingFaceConfig) throws(KingletError) {
    try config.require("sliding_window_pattern", "_sliding_window_pattern", in: [.integer(period)])
    for (index, kind) in (config["layer_types"]?.array ?? []).enumerated() {
      let expected = (index + 1) % period == 0 ? "full_attention" : "sliding_attention"
      guard kind == .string(expected) else {
        throw config.unsupported(["layer_types"], "layer \(index) is not of the kind '\(expected)'")
      }
    }
  }
}
