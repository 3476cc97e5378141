import KingletErrors
import KingletFiles

/// Jina's BERT, version 2: linear biases by distance (ALiBi) in place of positions, and a gated feed-forward part whose
/// gate and values are one matrix.
enum JinaBert: ModelFamily {
  static let classes = ["JinaBertModel", "JinaBertForMaskedLM"]

  static func describe(_ config: HuggingFaceConfig) throws(KingletError) -> Architecture {
    try config.require("hidden_act", in: [.string("gelu")])
    try config.require("feed_forward_type", in: [.string("geglu")])
    try config.require("position_embedding_type", in: [.string("alibi")])
    return Architecture(
      name: "jina-bert-v2", prefixes: ["bert."], metadata: try config.encoderMetadata(),
      tensors: TensorRule.bertEmbeddings + TensorRule.bertAttention + feedForward,
      ignored: ["embeddings.position_ids", "pooler.", "cls."],
      tokenTypeCount: try config.integer("type_vocab_size") ?? 1)
  }

  private static let feedForward = [
    TensorRule("encoder.layer.*.mlp.gated_layers", "blk.*.ffn_up"),
    TensorRule("encoder.layer.*.mlp.wo", "blk.*.ffn_down", bias: .required),
    TensorRule("encoder.layer.*.mlp.layernorm", "blk.*.layer_output_norm", bias: .required),
  ]
}
