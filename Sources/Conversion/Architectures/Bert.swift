import KingletErrors
import KingletGGUF

/// BERT: MiniLM, bge, e5, gte; also as a cross-encoder that ranks pairs of texts.
enum Bert: ModelFamily {
  static let classes = ["BertModel", "BertForMaskedLM", "BertForSequenceClassification"]

  static func describe(_ config: HuggingFaceConfig) throws(KingletError) -> Architecture {
    try config.require("hidden_act", in: [.string("gelu")])
    try config.require("position_embedding_type", in: [.string("absolute")])
    let isRanker = try config.modelClass().hasSuffix("ForSequenceClassification")
    var architecture = Architecture(
      name: "bert", prefixes: ["bert."], metadata: try config.encoderMetadata(),
      tensors: TensorRule.bertEmbeddings + [TensorRule("embeddings.position_embeddings", "position_embd")]
        + TensorRule.bertAttention + feedForward,
      ignored: ["embeddings.position_ids", "cls."], tokenTypeCount: try config.integer("type_vocab_size") ?? 1)
    if isRanker {
      architecture.metadata += try config.rankingMetadata()
      architecture.tensors += [
        TensorRule("pooler.dense", "cls", bias: .required), TensorRule("classifier", "cls.output", bias: .required),
      ]
    } else {
      architecture.ignored.append("pooler.")
    }
    return architecture
  }

  static let feedForward = [
    TensorRule("encoder.layer.*.intermediate.dense", "blk.*.ffn_up", bias: .required),
    TensorRule("encoder.layer.*.output.dense", "blk.*.ffn_down", bias: .required),
    TensorRule("encoder.layer.*.output.LayerNorm", "blk.*.layer_output_norm", bias: .required),
  ]
}

extension TensorRule {
  /// Embeddings of tokens and of sentence kinds, and the norm of their sum.
  static let bertEmbeddings = [
    TensorRule("embeddings.word_embeddings", "token_embd"),
    TensorRule("embeddings.token_type_embeddings", "token_types", weight: .optional),
    TensorRule("embeddings.LayerNorm", "token_embd_norm", bias: .required),
  ]

  /// Attention with biases, and the norm of what comes out of it.
  static let bertAttention = [
    TensorRule("encoder.layer.*.attention.self.query", "blk.*.attn_q", bias: .required),
    TensorRule("encoder.layer.*.attention.self.key", "blk.*.attn_k", bias: .required),
    TensorRule("encoder.layer.*.attention.self.value", "blk.*.attn_v", bias: .required),
    TensorRule("encoder.layer.*.attention.output.dense", "blk.*.attn_output", bias: .required),
    TensorRule("encoder.layer.*.attention.output.LayerNorm", "blk.*.attn_output_norm", bias: .required),
  ]
}

extension HuggingFaceConfig {
  /// The metadata of a model that gives scores rather than vectors.
  func rankingMetadata() throws(KingletError) -> Metadata {
    var metadata: Metadata = [(Pooling.key, .uint32(Pooling.rank.rawValue))]
    let labels = try labels()
    if !labels.isEmpty { metadata.append(("classifier.output_labels", .array(GGUFArray(labels)))) }
    return metadata
  }
}
