import KingletErrors
import KingletGGUF

/// Nomic's BERT: rotary positions, queries, keys and values in one matrix, a gate in the feed-forward part, no biases.
///
/// Nomic's own code and transformers name the settings differently; the tensors are named alike.
enum NomicBert: ModelFamily {
  static let classes = ["NomicBertModel"]

  static func describe(_ config: HuggingFaceConfig) throws(KingletError) -> Architecture {
    try config.require("activation_function", in: [.string("swiglu")])
    try config.require("hidden_act", in: [.string("silu")])
    try config.require("rotary_emb_fraction", in: [.integer(1), .number(1)])
    try config.require("rotary_emb_interleaved", in: [.bool(false)])
    try config.require("prenorm", in: [.bool(false)])
    try config.require("causal", in: [.bool(false)])
    try config.require("num_experts", in: [.integer(0)])
    let rotary = try RotaryConfig(config, baseKeys: ["rotary_emb_base"], defaultBase: 1000)
    var metadata = try config.encoderMetadata()
    metadata += [("rope.freq_base", .float32(rotary.base))]
    metadata += try rotary.scalingMetadata() + config.headSizes()
    return Architecture(
      name: "nomic-bert", prefixes: ["bert."], metadata: metadata, tensors: tensors,
      ignored: ["embeddings.position_ids", "pooler.", "cls.", "encoder.layers.*.attn.rotary_emb."],
      tokenTypeCount: try config.integer("type_vocab_size") ?? 1)
  }

  private static let tensors = [
    TensorRule("embeddings.word_embeddings", "token_embd"),
    TensorRule("embeddings.token_type_embeddings", "token_types", weight: .optional),
    TensorRule("emb_ln", "token_embd_norm", bias: .required),
    TensorRule("encoder.layers.*.attn.Wqkv", "blk.*.attn_qkv"),
    TensorRule("encoder.layers.*.attn.out_proj", "blk.*.attn_output"),
    TensorRule("encoder.layers.*.mlp.fc11", "blk.*.ffn_up"),
    TensorRule("encoder.layers.*.mlp.fc12", "blk.*.ffn_gate"),
    TensorRule("encoder.layers.*.mlp.fc2", "blk.*.ffn_down"),
    TensorRule("encoder.layers.*.norm1", "blk.*.attn_output_norm", bias: .required),
    TensorRule("encoder.layers.*.norm2", "blk.*.layer_output_norm", bias: .required),
  ]
}
