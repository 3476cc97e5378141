/// What the original tokenizer of Phi-3 does and the file format has no field for.
enum Phi3 {
  /// `</s>` is listed among the user-defined tokens, but text that happens to spell it does not mean it.
  static func markEndOfText(in vocabulary: inout Vocabulary) {
    guard let id = SpecialTokenMatcher(vocabulary).id(of: "</s>".utf8) else { return }
    vocabulary.setKind(.control, of: id)
  }

  /// The tokens that swallow the whitespace after them: all special ones that Phi-3 adds to the vocabulary of Llama.
  static func strippingTokens(of vocabulary: Vocabulary, _ matcher: SpecialTokenMatcher) -> Set<Int32> {
    let special = vocabulary.ids.filter { vocabulary.kind(of: $0)?.isSpecial == true }
    return Set(special).subtracting(["<unk>", "<s>", "<|endoftext|>"].compactMap { matcher.id(of: $0.utf8) })
  }
}
