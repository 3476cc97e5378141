import KingletErrors
import KingletGGUF

extension TokenizerSource {
  /// WordPiece, as BERT has it. The format marks tokens that start a word, where the original marks those that do not.
  func wordPiece(_ json: TokenizerJSON) throws(KingletError) -> ConvertedVocabulary {
    let normalizer = json.normalizer
    guard normalizer?.type == "BertNormalizer", normalizer?.clean_text != false,
      normalizer?.handle_chinese_chars != false, json.pre_tokenizer?.type == "BertPreTokenizer"
    else { throw unsupported("text is not normalised and cut as for BERT") }
    guard json.model.max_input_chars_per_word ?? 100 == 100 else {
      throw unsupported(
        "words of more than \(json.model.max_input_chars_per_word ?? 0) characters are unknown, not 100")
    }
    var table = try table(ModelVocabulary(bytes, path: jsonPath))
    try table.add(json.added_tokens ?? [], in: jsonPath)
    // By bytes: to Swift's strings a mark that follows "##" is part of its last character.
    let prefix = Array((json.model.continuing_subword_prefix ?? "##").utf8)
    table.mapTexts { text, kind in
      if kind != .normal { return text }
      let continues = !prefix.isEmpty && text.utf8.starts(with: prefix)
      return continues ? String(decoding: text.utf8.dropFirst(prefix.count), as: UTF8.self) : "\u{2581}" + text
    }
    try table.pad(to: vocabularySize, in: jsonPath)
    let lowercases = normalizer?.lowercase ?? true
    var more: TokenizerConversion.Metadata = [("tokenizer.ggml.normalizer.lowercase", .bool(lowercases))]
    if let strips = normalizer?.strip_accents {
      more.append(("tokenizer.ggml.normalizer.strip_accents", .bool(strips)))
    }
    // llama.cpp takes any name here.
    return ConvertedVocabulary(table, model: "bert", pre: "bert-bge", withScores: false, more: more)
  }
}
