import KingletErrors
import KingletGGUF

/// RoBERTa and XLM-RoBERTa: BERT whose positions are counted from after the padding token's number.
///
/// The format counts from zero, so the rows of positions that are never used are left out.
enum XLMRoberta: ModelFamily {
  static let classes = [
    "XLMRobertaModel", "XLMRobertaForMaskedLM", "XLMRobertaForSequenceClassification", "RobertaModel",
    "RobertaForMaskedLM", "RobertaForSequenceClassification",
  ]

  static func describe(_ config: HuggingFaceConfig) throws(KingletError) -> Architecture {
    try config.require("hidden_act", in: [.string("gelu")])
    try config.require("position_embedding_type", in: [.string("absolute")])
    let unused = try config.requiredInteger("pad_token_id") + 1
    let positions = try config.requiredInteger("max_position_embeddings")
    guard positions > unused else { throw config.wrong(["max_position_embeddings"], "no more than the padding") }
    var metadata = try config.encoderMetadata()
    if let index = metadata.firstIndex(where: { $0.key == "context_length" }) {
      metadata[index].value = .uint32(UInt32(positions - unused))
    }
    var architecture = Architecture(
      name: "bert", prefixes: ["roberta."], metadata: metadata,
      tensors: TensorRule.bertEmbeddings + TensorRule.bertAttention + Bert.feedForward + [
        TensorRule("embeddings.position_embeddings", "position_embd", change: .droppingRows(unused))
      ],
      ignored: ["embeddings.position_ids", "pooler.", "lm_head."],
      tokenTypeCount: try config.integer("type_vocab_size") ?? 1)
    if try config.modelClass().hasSuffix("ForSequenceClassification") {
      architecture.metadata += try config.rankingMetadata()
      architecture.tensors += [
        TensorRule("classifier.dense", "cls", bias: .required),
        TensorRule("classifier.out_proj", "cls.output", bias: .required),
      ]
    }
    return architecture
  }
}
