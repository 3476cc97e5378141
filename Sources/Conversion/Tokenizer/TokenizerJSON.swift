/// What conversion reads of a `tokenizer.json`, the file of Hugging Face's tokenizers, but for the vocabulary and the
/// merges (see `ModelVocabulary`).
struct TokenizerJSON: Decodable {
  let added_tokens: [AddedToken]?
  let normalizer: Component?
  let pre_tokenizer: Component?
  let post_processor: PostProcessor?
  let model: Model

  struct AddedToken: Decodable {
    let id: Int
    let content: String
    let special: Bool?
  }

  struct Model: Decodable {
    /// BPE, WordPiece, Unigram or WordLevel; old files lack it.
    let type: String?
    let unk_token: String?
    let unk_id: Int?
    let byte_fallback: Bool?
    let ignore_merges: Bool?
    let continuing_subword_prefix: String?
    let end_of_word_suffix: String?
    let max_input_chars_per_word: Int?
  }

  /// A normaliser or pre-tokenizer, or a sequence of them; only the settings that matter here.
  struct Component: Decodable {
    let type: String
    let normalizers: [Component]?
    let pretokenizers: [Component]?
    let pattern: Pattern?
    let behavior: String?
    let invert: Bool?
    let content: String?
    let prepend: String?
    let add_prefix_space: Bool?
    let prepend_scheme: String?
    let use_regex: Bool?
    let individual_digits: Bool?
    let clean_text: Bool?
    let handle_chinese_chars: Bool?
    let lowercase: Bool?
    let strip_accents: Bool?
    let precompiled_charsmap: String?

    /// The components of a sequence, or this one.
    var steps: [Component] { (normalizers ?? pretokenizers).map { $0.flatMap(\.steps) } ?? [self] }
  }

  /// What a component looks for: a text or a regular expression.
  struct Pattern: Decodable {
    let String: String?
    let Regex: String?
  }

  /// What is put around the tokens of a text.
  struct PostProcessor: Decodable {
    let type: String
    let processors: [PostProcessor]?
    let single: [Piece]?
    let pair: [Piece]?

    struct Piece: Decodable {
      let SpecialToken: Reference?
      let Sequence: Reference?
    }

    struct Reference: Decodable {
      let id: String
    }

    /// The processors of a sequence, or this one.
    var steps: [PostProcessor] { processors.map { $0.flatMap(\.steps) } ?? [self] }
  }
}
