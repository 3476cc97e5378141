import KingletErrors
import KingletGGUF
import KingletTokenizers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension TokenizerSource {
  /// Unigram, after Hugging Face has read it from SentencePiece's file.
  func unigram(_ json: TokenizerJSON) throws(KingletError) -> ConvertedVocabulary {
    var table = try table(ModelVocabulary(bytes, path: jsonPath))
    if let unknown = json.model.unk_id, table.texts.indices.contains(unknown) {
      try table.set(unknown, table.texts[unknown] ?? "", .unknown, score: table.scores[unknown], in: jsonPath)
    }
    let scores = table.scores
    for token in json.added_tokens ?? [] {
      try table.add([token], score: scores.indices.contains(token.id) ? scores[token.id] : 0, in: jsonPath)
    }
    try table.pad(to: vocabularySize, in: jsonPath)
    let normalization = try UnigramNormalization(json, self)
    return ConvertedVocabulary(
      table, model: "t5", pre: "default", withScores: true, more: normalization.metadata)
  }

  /// SentencePiece's own file, of either kind.
  func sentencePiece(_ bytes: [UInt8]) throws(KingletError) -> ConvertedVocabulary {
    let path = folder.path(of: Self.modelName)
    let file = try SentencePieceFile(bytes, path: path)
    guard file.escapesSpaces, [SentencePieceFile.unigram, SentencePieceFile.bytePair].contains(file.modelType) else {
      throw KingletError(
        .unsupported, "the vocabulary is neither BPE nor Unigram, or writes spaces as they are", at: path,
        remedy: "Use a GGUF file of this model")
    }
    var table = TokenTable()
    for (id, piece) in file.pieces.enumerated() {
      try table.set(id, piece.text, piece.kind, score: piece.score, in: path)
    }
    try table.add(addedTokens(), score: -1000, in: path)
    table.truncate(to: vocabularySize)
    try table.pad(to: vocabularySize, in: path)
    let normalization = UnigramNormalization(
      charsmap: file.charsmap, addsSpacePrefix: file.addsSpacePrefix, mergesSpaces: file.removesExtraSpaces)
    if file.modelType == SentencePieceFile.unigram {
      return ConvertedVocabulary(
        table, model: "t5", pre: "default", withScores: true, more: normalization.metadata)
    }
    // The format has no place for what BPE does to a text in advance, and llama.cpp does nothing.
    return ConvertedVocabulary(
      table, model: "llama", pre: "default", withScores: true,
      more: [("tokenizer.ggml.add_space_prefix", .bool(file.addsSpacePrefix))])
  }

  /// Tokens that the files beside SentencePiece's add, each overruling those before.
  private func addedTokens() throws(KingletError) -> [TokenizerJSON.AddedToken] {
    let byText: [String: Int] = try folder.json("added_tokens.json") ?? [:]
    var tokens = byText.map { TokenizerJSON.AddedToken(id: $1, content: $0, special: false) }
    tokens += json?.added_tokens ?? []
    for (key, token) in settings?.added_tokens_decoder ?? [:] {
      guard let id = Int(key) else {
        throw KingletError(
          .fileCorrupt, "\(key.debugDescription) is not the number of a token",
          at: folder.path(of: "tokenizer_config.json"))
      }
      tokens.append(TokenizerJSON.AddedToken(id: id, content: token.content, special: token.special))
    }
    return tokens
  }
}

/// What is done to a text before pieces are looked for in it.
struct UnigramNormalization {
  var charsmap: [UInt8] = []
  var addsSpacePrefix = false
  var mergesSpaces = false

  init(charsmap: [UInt8], addsSpacePrefix: Bool, mergesSpaces: Bool) {
    (self.charsmap, self.addsSpacePrefix, self.mergesSpaces) = (charsmap, addsSpacePrefix, mergesSpaces)
  }

  /// Reads it out of the steps that Hugging Face makes of it; refuses others.
  init(_ json: TokenizerJSON, _ source: TokenizerSource) throws(KingletError) {
    for step in (json.normalizer?.steps ?? []) + (json.pre_tokenizer?.steps ?? []) {
      switch step.type {
      case "Precompiled":
        guard let data = Data(base64Encoded: step.precompiled_charsmap ?? "") else {
          throw KingletError(.fileCorrupt, "the table of replacements is not base64", at: source.jsonPath)
        }
        charsmap = Array(data)
      // A run of spaces becomes one, and those at the ends go.
      case "WhitespaceSplit": mergesSpaces = true
      case "Replace" where step.pattern?.Regex == " {2,}": mergesSpaces = true
      case "Strip": break
      case "Metaspace": addsSpacePrefix = step.prependsSpace
      default:
        throw source.unsupported("the normalizer or pre-tokenizer \(step.type) is not one that Kinglet knows")
      }
    }
  }

  var metadata: TokenizerConversion.Metadata {
    var pairs: TokenizerConversion.Metadata = [
      ("tokenizer.ggml.add_space_prefix", .bool(addsSpacePrefix)),
      ("tokenizer.ggml.remove_extra_whitespaces", .bool(mergesSpaces)),
    ]
    if !charsmap.isEmpty { pairs.append(("tokenizer.ggml.precompiled_charsmap", .array(GGUFArray(charsmap)))) }
    return pairs
  }
}
