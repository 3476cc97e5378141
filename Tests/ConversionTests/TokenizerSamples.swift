/// Small `tokenizer.json` files.
enum TokenizerSamples {
  static let digits = #"""
    {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, {"type": "ByteLevel"}]}
    """#

  /// The pattern of GPT-4 with another part for digits.
  static func split(_ digits: String) -> String {
    let pattern =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\(digits)| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
      + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    return #"{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "# + quoted(pattern)
      + #"}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "use_regex": false}]}"#
  }

  static func bytePair(
    pre: String = #"{"type": "ByteLevel", "add_prefix_space": false}"#, normalizer: String = "null",
    post: String = #"{"type": "ByteLevel"}"#, merges: String = #"["a b", "Ġ ab"]"#, ignoresMerges: Bool = false,
    added: [String] = []
  ) -> String {
    let more = added.enumerated().map { #", {"id": \#(8 + $0), "content": \#(quoted($1)), "special": true}"# }.joined()
    return #"""
      {"version": "1.0", "added_tokens": [{"id": 6, "content": "<|end|>", "special": true},
       {"id": 7, "content": "two words", "special": false}\#(more)], "normalizer": \#(normalizer),
       "pre_tokenizer": \#(pre), "post_processor": \#(post), "decoder": {"type": "ByteLevel"},
       "model": {"type": "BPE", "dropout": null, "byte_fallback": false, "ignore_merges": \#(ignoresMerges),
        "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "\u0120": 4, "\u0120ab": 5}, "merges": \#(merges)}}
      """#
  }

  static let wordPiece = #"""
    {"added_tokens": [{"id": 0, "content": "[PAD]", "special": true}, {"id": 1, "content": "[UNK]", "special": true},
     {"id": 2, "content": "[CLS]", "special": true}, {"id": 3, "content": "[SEP]", "special": true}],
     "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": false,
      "lowercase": true}, "pre_tokenizer": {"type": "BertPreTokenizer"},
     "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "[CLS]"}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "[SEP]"}}],
      "pair": [{"SpecialToken": {"id": "[CLS]"}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "[SEP]"}},
       {"Sequence": {"id": "B"}}, {"SpecialToken": {"id": "[SEP]"}}]},
     "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
      "max_input_chars_per_word": 100,
      "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "bird": 4, "##s": 5, "caf\u00e9": 6}}}
    """#

  static let bertSettings = #"""
    {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "strip_accents": null}
    """#

  static let unigram = #"""
    {"added_tokens": [{"id": 0, "content": "<s>", "special": true}, {"id": 1, "content": "<pad>", "special": true},
     {"id": 2, "content": "</s>", "special": true}, {"id": 3, "content": "<unk>", "special": true}],
     "normalizer": {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": ""},
      {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
     "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
     "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "</s>"}}],
      "pair": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "</s>"}},
       {"SpecialToken": {"id": "</s>"}}, {"Sequence": {"id": "B"}}, {"SpecialToken": {"id": "</s>"}}]},
     "model": {"type": "Unigram", "unk_id": 3, "byte_fallback": false, "vocab": [["<s>", 0.0], ["<pad>", 0.0],
      ["</s>", 0.0], ["<unk>", 0.0], ["▁ab", -1.5], ["▁c", -2], ["▁", -3e0]]}}
    """#

  /// BPE as Llama 2 has it: 256 bytes, and merges of characters.
  static let spaced: String = {
    let bytes = (0..<256).map {
      "\"<0x" + ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) + ">\": \($0 + 3)"
    }
    return #"""
      {"added_tokens": [{"id": 0, "content": "<unk>", "special": true}, {"id": 1, "content": "<s>", "special": true}],
       "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}, "pre_tokenizer": null,
       "post_processor": {"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}], "pair": []},
       "model": {"type": "BPE", "unk_token": "<unk>", "byte_fallback": true, "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2,
        \#(bytes.joined(separator: ", ")), "▁": 259, "a": 260, "b": 261, "c": 262, "bc": 263, "ab": 264},
        "merges": ["b c", "a b"]}}
      """#
  }()
}
