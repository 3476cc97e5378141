import KingletErrors
import KingletGGUF

/// Writes the tokenizer of a Hugging Face folder as metadata of the GGUF format, as llama.cpp's `convert_hf_to_gguf.py`
/// defines it.
///
/// Read are `tokenizer.json` or SentencePiece's `tokenizer.model` for the vocabulary, and for the special tokens and the
/// chat template `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json` and `config.json`.
enum TokenizerConversion {
  typealias Metadata = [(key: String, value: GGUFValue)]

  /// The metadata `tokenizer.*` of a folder; none when it has no tokenizer.
  ///
  /// - Parameters:
  ///   - vocabularySize: the rows of the model's embedding; numbers without a token get one of no use.
  ///   - architecture: the name by which the format knows the model, such as `modern-bert`.
  /// - Throws: `.fileCorrupt`, naming the file and the place, where a file contradicts itself or another; `.unsupported`
  ///   for a tokenizer that Kinglet would not run as the original does.
  static func metadata(
    folder: String, vocabularySize: Int?, architecture: String
  ) throws(KingletError) -> Metadata {
    let folder = TokenizerFolder(path: folder)
    let source = try TokenizerSource(folder, vocabularySize: vocabularySize, architecture: architecture)
    guard let vocabulary = try source.vocabulary() else { return [] }
    let special = SpecialTokenMetadata(
      vocabulary.table, json: source.json, settings: source.settings,
      map: try folder.json("special_tokens_map.json"), config: try folder.json("config.json"))
    return vocabulary.metadata + special.pairs + (try ChatTemplateFile(folder, source.settings).metadata())
  }
}

/// A vocabulary as the format has it.
struct ConvertedVocabulary {
  let table: TokenTable
  let metadata: TokenizerConversion.Metadata

  /// - Parameters:
  ///   - model: `tokenizer.ggml.model`.
  ///   - pre: `tokenizer.ggml.pre`.
  ///   - more: what the kind of tokenizer needs besides its tokens.
  init(_ table: TokenTable, model: String, pre: String, withScores: Bool, more: TokenizerConversion.Metadata) {
    self.table = table
    metadata =
      [("tokenizer.ggml.model", .string(model)), ("tokenizer.ggml.pre", .string(pre))]
      + table.metadata(withScores: withScores) + more
  }
}
