import KingletErrors

/// Finds the name that the format has (`tokenizer.ggml.pre`) for what a `tokenizer.json` of byte-level BPE does to a text
/// before it merges.
///
/// llama.cpp's converter knows it by the tokens of a sample text, so it needs the tokenizer at work; here its description
/// is read. What is not recognised is refused, as every guess makes wrong tokens.
struct PreTokenizerName {
  let json: TokenizerJSON
  let architecture: String
  let path: String

  func find() throws(KingletError) -> String {
    let composes = try composes()
    let steps = json.pre_tokenizer?.steps ?? []
    if steps.contains(where: { $0.add_prefix_space == true }) {
      throw unsupported("pre-tokenizer", "which puts a space before a text")
    }
    switch steps.map(\.type) {
    case ["ByteLevel"] where splits(steps[0]):
      // One and the same way to cut has many names.
      if architecture == "modern-bert" { return "modern-bert" }
      if composes { return "olmo" }
      return json.post_processor?.type == "RobertaProcessing" ? "roberta-bpe" : "gpt-2"
    case ["Digits", "ByteLevel"] where steps[0].individual_digits == true && splits(steps[1]):
      return composes ? "command-r" : "smollm"
    case ["Split", "ByteLevel"] where steps[0].behavior == "Isolated" && steps[0].invert != true && !splits(steps[1]):
      if let name = Self.names[steps[0].pattern?.Regex ?? ""]?(composes, json.model.ignore_merges == true) {
        return name
      }
    default: break
    }
    throw unsupported("pre-tokenizer", steps.map(describe).joined(separator: ", "))
  }

  /// By pattern: the name, given whether text is brought into normalisation form C, and whether a word that is a token is
  /// that token whatever the merges say.
  private static let names: [String: @Sendable (_ composes: Bool, _ ignoresMerges: Bool) -> String?] = [
    modern(digits: "\\p{N}{1,3}"): { composes, ignoresMerges in
      composes ? nil : ignoresMerges ? "llama-bpe" : "dbrx"
    },
    modern(digits: "\\p{N}"): { composes, ignoresMerges in
      ignoresMerges ? nil : composes ? "qwen2" : "deepseek-r1-qwen"
    },
    modern(digits: "\\p{N}", letters: "[\\p{L}\\p{M}]", others: "\\p{L}\\p{M}\\p{N}"): { composes, ignoresMerges in
      composes && !ignoresMerges ? "qwen35" : nil
    },
  ]

  /// The pattern of GPT-4 and what was made of it since.
  private static func modern(
    digits: String, letters: String = "\\p{L}", others: String = "\\p{L}\\p{N}"
  ) -> String {
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\(letters)+|\(digits)| ?[^\\s\(others)]+[\\r\\n]*"
      + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
  }

  /// Whether text is brought into normalisation form C, which is all that is done to it in advance.
  private func composes() throws(KingletError) -> Bool {
    let steps = json.normalizer?.steps ?? []
    guard steps.allSatisfy({ $0.type == "NFC" }) else {
      throw unsupported("normalizer", steps.map(describe).joined(separator: ", "))
    }
    return !steps.isEmpty
  }

  /// Whether a step of the type `ByteLevel` cuts text by GPT-2's pattern, and does nothing else besides spelling bytes.
  private func splits(_ step: TokenizerJSON.Component) -> Bool { step.use_regex ?? true }

  private func describe(_ step: TokenizerJSON.Component) -> String {
    (step.pattern?.Regex ?? step.pattern?.String).map { "\(step.type) by \($0.debugDescription)" } ?? step.type
  }

  private func unsupported(_ what: String, _ found: String) -> KingletError {
    KingletError(
      .unsupported, "the \(what) (\(found.isEmpty ? "none" : found)) is not one that Kinglet knows", at: path,
      remedy: "Use a GGUF file of this model")
  }
}
