import KingletErrors
import KingletGGUF
import KingletTokenizers

/// The tokens of a vocabulary by number while they are gathered from the files of a folder.
struct TokenTable {
  /// The text of each token, or nil for a number that is none.
  private(set) var texts: [String?] = []
  private(set) var kinds: [TokenKind] = []
  /// Logarithms of probabilities, or the order in which tokens merge; nothing for byte-level BPE and WordPiece.
  private(set) var scores: [Float] = []

  /// More than any vocabulary has, so that a number in a file cannot ask for all memory.
  static let maximumCount = 1 << 21

  var count: Int { texts.count }

  /// Sets a token. Its number must be below `maximumCount`.
  mutating func set(_ id: Int, _ text: String, _ kind: TokenKind, score: Float = 0, in file: String)
    throws(KingletError)
  {
    guard (0..<Self.maximumCount).contains(id) else {
      throw KingletError(
        .fileCorrupt,
        "token \(text.debugDescription) has the number \(id), and a vocabulary at most"
          + " \(Self.maximumCount) tokens", at: file)
    }
    grow(to: id + 1)
    texts[id] = text
    kinds[id] = kind
    scores[id] = score
  }

  /// Sets the tokens that were added to a vocabulary after it was trained; some lie in it already.
  mutating func add(_ tokens: [TokenizerJSON.AddedToken], score: Float = 0, in file: String) throws(KingletError) {
    for token in tokens {
      let isKnownAsUnknown = kinds.indices.contains(token.id) && kinds[token.id] == .unknown
      if isKnownAsUnknown || token.special == true || Self.looksSpecial(token.content) {
        try set(token.id, token.content, isKnownAsUnknown ? .unknown : .control, score: score, in: file)
      } else {
        // User-defined tokens are looked for in text, where a space is a space.
        let scalars = token.content.unicodeScalars.map { $0 == "\u{2581}" ? " " : $0 }
        try set(token.id, String(String.UnicodeScalarView(scalars)), .userDefined, score: score, in: file)
      }
    }
  }

  /// Whether a token steers the model though its file does not say so. The list is llama.cpp's.
  private static func looksSpecial(_ text: String) -> Bool {
    ["<pad>", "<mask>", "<2mass>", "[@BOS@]"].contains(text) || text.hasPrefix("<|") && text.hasSuffix("|>")
      || text.hasPrefix("<\u{FF5C}") && text.hasSuffix("\u{FF5C}>") || text.hasPrefix("<unused") && text.hasSuffix(">")
  }

  /// Changes the text of every token.
  mutating func mapTexts(_ transform: (String, TokenKind) -> String) {
    for id in texts.indices { texts[id] = texts[id].map { transform($0, kinds[id]) } }
  }

  /// The number of the token that is spelled so. Not `==`, which finds canonically equivalent texts equal.
  func id(of text: String) -> Int? {
    texts.firstIndex { $0?.utf8.elementsEqual(text.utf8) == true }
  }

  /// Numbers without a token become tokens of no use, as llama.cpp's converter names them, up to `size`.
  mutating func pad(to size: Int?, in file: String) throws(KingletError) {
    if let size {
      guard size >= count, size <= Self.maximumCount else {
        throw KingletError(
          .fileCorrupt, "there are \(count) tokens, but config.json says that the model has \(size)", at: file,
          remedy: "Take tokenizer and model from one folder")
      }
      grow(to: size)
    }
    for id in texts.indices where texts[id] == nil {
      texts[id] = "[PAD\(id)]"
      kinds[id] = .unused
      scores[id] = -10000
    }
  }

  /// Drops tokens that the model has no row for.
  mutating func truncate(to size: Int?) {
    guard let size, size >= 0, size < count else { return }
    texts.removeLast(count - size)
    kinds.removeLast(kinds.count - size)
    scores.removeLast(scores.count - size)
  }

  /// The metadata of all tokens.
  func metadata(withScores: Bool) -> [(key: String, value: GGUFValue)] {
    var pairs: [(key: String, value: GGUFValue)] = [
      ("tokenizer.ggml.tokens", .array(GGUFArray(texts.map { $0 ?? "" })))
    ]
    if withScores { pairs.append(("tokenizer.ggml.scores", .array(GGUFArray(scores)))) }
    pairs.append(("tokenizer.ggml.token_type", .array(GGUFArray(kinds.map { Int32($0.rawValue) }))))
    return pairs
  }

  private mutating func grow(to count: Int) {
    let missing = count - texts.count
    guard missing > 0 else { return }
    texts += repeatElement(nil, count: missing)
    kinds += repeatElement(.unused, count: missing)
    scores += repeatElement(0, count: missing)
  }
}
