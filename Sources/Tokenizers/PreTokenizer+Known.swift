// The pre-tokenizers by the names of `tokenizer.ggml.pre`. To add one: describe it, name it in `named`, and add its
// vocabulary to the golden test.

extension PreTokenizer {
  /// The pre-tokenizer that a file names, or nil for a name that is not known.
  static func named(_ name: String) -> PreTokenizer? {
    switch name {
    case "gpt-2", "phi-2", "jina-v2-de", "jina-v2-es": gpt2
    case "jina-v1-en", "jina-v2-code", "roberta-bpe": roberta
    case "mpt", "olmo", "modern-bert": composing
    case "smollm", "starcoder", "refact": digitsApart
    case "command-r": digitsApartComposing
    case "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "lfm2": llama3
    case "dbrx", "smaug-bpe": dbrx
    case "deepseek-llm": deepSeekLLM
    case "deepseek-coder": deepSeekCoder
    case "falcon": falcon
    case "default": initial
    case "qwen2": qwen2
    case "deepseek-r1-qwen": qwen2AsIs
    case "qwen35": qwen35
    default: nil
    }
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  private static let gpt2 = PreTokenizer(stages: [gpt2Rules])

  /// As for GPT-2; texts are judged in pairs.
  private static let roberta = PreTokenizer(stages: [gpt2Rules], addsSeparator: true)

  /// As for GPT-2, in normalisation form C.
  static let composing = PreTokenizer(stages: [gpt2Rules], composes: true)

  /// `\p{N}`, then the rules of GPT-2.
  private static let digitsApart = PreTokenizer(stages: [[.run(of: .any(.number), upTo: 1)], gpt2Rules])

  private static let digitsApartComposing = PreTokenizer(stages: digitsApart.stages, composes: true)

  /// `[\p{P}$+<=>^~|`]+`, then the rules of GPT-2, then `[0-9][0-9][0-9]`.
  private static let falcon = PreTokenizer(stages: [
    [.run(of: .any([.punctuation, .asciiSymbol, .backtick]))], gpt2Rules, [.block(of: .any(.digit), count: 3)],
  ])

  /// What a file means that calls its pre-tokenizer "default": the first that llama.cpp had.
  private static let initial = PreTokenizer(stages: [
    [.run(of: .any([.punctuation, .asciiSymbol]))], gpt2Rules, [.run(of: .any(.number))],
    [.block(of: .any(.digit), count: 3)],
  ])

  /// `[\r\n]`, `\s?[A-Za-zµÀ-Ö…]+`, `\s?[!-/:-~…]+`, `\s+$`, `[一-龥ࠀ-一가-퟿]+`, `\p{N}+`.
  private static let deepSeekLLM = PreTokenizer(
    stages: [
      [.run(of: .any(.lineBreak), upTo: 1)], [.run(of: .any(.listedLetter), after: .any(.whitespace))],
      [.run(of: .any(.listedPunctuation), after: .any(.whitespace))], [.trailingWhitespace],
      [.run(of: .any(.listedAsian))], [.run(of: .any(.number))],
    ], moreFlags: DeepSeekCharacters.flags)

  /// `[\r\n]`, `\s?\p{L}+`, `\s?\p{P}+`, `[一-龥ࠀ-一가-퟿]+`, `\p{N}`.
  private static let deepSeekCoder = PreTokenizer(
    stages: [
      [.run(of: .any(.lineBreak), upTo: 1)], [.run(of: .any(.letter), after: .any(.whitespace))],
      [.run(of: .any(.punctuation), after: .any(.whitespace))], [.run(of: .any(.listedAsian))],
      [.run(of: .any(.number), upTo: 1)],
    ], moreFlags: DeepSeekCharacters.flags)

  private static let gpt2Rules: [Rule] = [
    .contraction(ignoringCase: false),
    .run(of: .any(.letter), after: .any(.space)),
    .run(of: .any(.number), after: .any(.space)),
    .run(of: .no([.whitespace, .letter, .number]), after: .any(.space)),
    .whitespaceBeforeLast,
    .run(of: .any(.whitespace)),
  ]

  private static let llama3 = PreTokenizer(
    stages: [modernRules(digits: 3)], prefersWholeTokens: true, addsBOS: true)

  /// As for Llama 3, but merges are followed and nothing is added.
  private static let dbrx = PreTokenizer(stages: [modernRules(digits: 3)])

  private static let qwen2 = PreTokenizer(stages: [modernRules(digits: 1)], composes: true)

  /// As for Qwen 2, but text is not normalised.
  private static let qwen2AsIs = PreTokenizer(stages: qwen2.stages)

  private static let qwen35 = PreTokenizer(
    stages: [modernRules(letters: [.letter, .mark], digits: 1)], composes: true)

  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|
  /// \s+(?!\S)|\s+`, with `letters` in the place of the second and the last `\p{L}`.
  private static func modernRules(letters: CharacterFlags = .letter, digits: Int) -> [Rule] {
    [
      .contraction(ignoringCase: true),
      .run(of: .any(letters), after: .no([.lineBreak, .letter, .number])),
      .run(of: .any(.number), upTo: digits),
      .run(of: .no(letters.union([.whitespace, .number])), after: .any(.space), then: .any(.lineBreak)),
      .lineBreaks,
      .whitespaceBeforeLast,
      .run(of: .any(.whitespace)),
    ]
  }
}
