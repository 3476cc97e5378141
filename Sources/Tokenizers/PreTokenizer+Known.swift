// The pre-tokenizers by the names of `tokenizer.ggml.pre`. To add one: describe it, name it in `named`, and add its
// vocabulary to the golden test.

extension PreTokenizer {
  /// The pre-tokenizer that a file names, or nil for a name that is not known.
  static func named(_ name: String) -> PreTokenizer? {
    switch name {
    case "gpt-2": gpt2
    case "mpt": mpt
    case "smollm", "starcoder", "refact": digitsApart
    case "llama-bpe": llama3
    case "qwen2": qwen2
    case "qwen35": qwen35
    default: nil
    }
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  private static let gpt2 = PreTokenizer(stages: [gpt2Rules])

  private static let mpt = PreTokenizer(stages: [gpt2Rules], composes: true)

  /// `\p{N}`, then the rules of GPT-2.
  private static let digitsApart = PreTokenizer(stages: [[.run(of: .any(.number), upTo: 1)], gpt2Rules])

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

  private static let qwen2 = PreTokenizer(stages: [modernRules(digits: 1)], composes: true)

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
