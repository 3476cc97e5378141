import KingletErrors

/// Chooses the file that a folder's vocabulary is read from, and the way to read it.
struct TokenizerSource {
  let folder: TokenizerFolder
  let vocabularySize: Int?
  let architecture: String
  let settings: TokenizerSettings?
  /// `tokenizer.json`, with its bytes.
  let json: TokenizerJSON?
  let bytes: [UInt8]

  static let jsonName = "tokenizer.json"
  static let modelName = "tokenizer.model"
  var jsonPath: String { folder.path(of: Self.jsonName) }

  init(_ folder: TokenizerFolder, vocabularySize: Int?, architecture: String) throws(KingletError) {
    self.folder = folder
    self.vocabularySize = vocabularySize
    self.architecture = architecture
    settings = try folder.json("tokenizer_config.json")
    bytes = try folder.bytes(of: Self.jsonName) ?? []
    json = bytes.isEmpty ? nil : try folder.decode(bytes, of: Self.jsonName)
  }

  /// The vocabulary, or nil when the folder has none.
  func vocabulary() throws(KingletError) -> ConvertedVocabulary? {
    // SentencePiece's own file has the scores; what others made of it has to be taken back. But some call another
    // vocabulary by that name.
    if json.map(isSentencePiece) ?? true, let model = try folder.bytes(of: Self.modelName) {
      return try sentencePiece(model)
    }
    guard let json else { return nil }
    switch kind(of: json.model) {
    case "BPE": return try isSentencePiece(json) ? spacedBytePair(json) : byteLevelBytePair(json)
    case "WordPiece": return try wordPiece(json)
    case "Unigram": return try unigram(json)
    case let type: throw unsupported("the tokenizer \(type.debugDescription) is not one that Kinglet runs")
    }
  }

  /// An error about a tokenizer that is well described, but not run.
  func unsupported(_ message: String) -> KingletError {
    KingletError(.unsupported, message, at: jsonPath, remedy: "Use a GGUF file of this model")
  }

  /// The tokens of `tokenizer.json` by number, before those that were added.
  func table(_ vocabulary: ModelVocabulary) throws(KingletError) -> TokenTable {
    var table = TokenTable()
    for token in vocabulary.tokens {
      if table.texts.indices.contains(token.id), table.texts[token.id] != nil {
        throw KingletError(.fileCorrupt, "two tokens have the number \(token.id)", at: jsonPath)
      }
      try table.set(token.id, token.text, .normal, score: token.score, in: jsonPath)
    }
    guard table.count > 0 else { throw KingletError(.fileCorrupt, "the vocabulary is empty", at: jsonPath) }
    return table
  }

  private func kind(of model: TokenizerJSON.Model) -> String {
    model.type ?? (model.continuing_subword_prefix == nil ? model.unk_id == nil ? "BPE" : "Unigram" : "WordPiece")
  }

  /// Whether the tokenizer is one of SentencePiece's: Unigram, or BPE that writes unknown characters as bytes.
  private func isSentencePiece(_ json: TokenizerJSON) -> Bool {
    switch kind(of: json.model) {
    case "Unigram": true
    case "BPE": json.model.byte_fallback == true
    default: false
    }
  }
}
