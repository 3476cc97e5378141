/// What a text is embedded for. Many models were trained with a few words before each text that say it, and find less
/// without them; which words, is in the description of the model.
public enum EmbeddingTask: Sendable, Equatable {
  /// The text as it is: all-MiniLM, GTE, BGE passages.
  case plain
  /// E5 (Wang et al. 2022): `query: `.
  case e5Query
  /// E5: `passage: `.
  case e5Passage
  /// Nomic Embed (Nussbaum et al. 2024): `search_query: `.
  case nomicQuery
  /// Nomic Embed: `search_document: `.
  case nomicDocument
  /// Nomic Embed: `clustering: `.
  case nomicClustering
  /// Nomic Embed: `classification: `.
  case nomicClassification
  /// BGE version 1.5, English, for queries only: `Represent this sentence for searching relevant passages: `.
  case bgeQuery
  /// Qwen3 Embedding, for queries only: `Instruct: `, a sentence that describes the task, and `Query:`.
  case qwenQuery(instruction: String)
  /// EmbeddingGemma: `task: search result | query: `.
  case gemmaQuery
  /// EmbeddingGemma: `title: none | text: `.
  case gemmaDocument
  /// Any other prefix.
  case prefix(String)

  /// The instruction that Qwen3 Embedding was evaluated with in retrieval.
  public static let qwenRetrieval = EmbeddingTask.qwenQuery(
    instruction: "Given a web search query, retrieve relevant passages that answer the query")

  /// What stands before the text.
  public var prefix: String {
    switch self {
    case .plain: ""
    case .e5Query: "query: "
    case .e5Passage: "passage: "
    case .nomicQuery: "search_query: "
    case .nomicDocument: "search_document: "
    case .nomicClustering: "clustering: "
    case .nomicClassification: "classification: "
    case .bgeQuery: "Represent this sentence for searching relevant passages: "
    case .qwenQuery(let instruction): "Instruct: \(instruction)\nQuery:"
    case .gemmaQuery: "task: search result | query: "
    case .gemmaDocument: "title: none | text: "
    case .prefix(let prefix): prefix
    }
  }

  /// The tasks that need no words of the caller's, by name: for command lines and settings.
  public static let named: [String: EmbeddingTask] = [
    "plain": .plain, "e5-query": .e5Query, "e5-passage": .e5Passage, "nomic-query": .nomicQuery,
    "nomic-document": .nomicDocument, "nomic-clustering": .nomicClustering,
    "nomic-classification": .nomicClassification, "bge-query": .bgeQuery, "qwen-query": .qwenRetrieval,
    "gemma-query": .gemmaQuery, "gemma-document": .gemmaDocument,
  ]
}
