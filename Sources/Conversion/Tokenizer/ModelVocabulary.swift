import KingletErrors

/// The tokens and merges of a `tokenizer.json`.
struct ModelVocabulary {
  /// Each token with its number, in the order of the file, and for Unigram its score.
  private(set) var tokens: [(text: String, id: Int, score: Float)] = []
  /// Two tokens that merge, the first merge first.
  private(set) var merges: [(left: [UInt8], right: [UInt8])] = []

  /// Reads `model.vocab` and `model.merges` from the bytes of a file.
  init(_ json: [UInt8], path: String) throws(KingletError) {
    var scanner = JSONScanner(json, path: path)
    try scanner.enter("{")
    while try scanner.hasNext(before: "}") {
      guard try scanner.key() == Array("model".utf8) else {
        try scanner.skip()
        continue
      }
      try scanner.enter("{")
      while try scanner.hasNext(before: "}") {
        switch try scanner.key() {
        case Array("vocab".utf8):
          if scanner.nextByte == UInt8(ascii: "[") {
            try readScoredTokens(&scanner)
          } else {
            try readNumberedTokens(&scanner)
          }
        case Array("merges".utf8): try readMerges(&scanner)
        default: try scanner.skip()
        }
      }
    }
  }

  /// `{"a": 0, "b": 1}`
  private mutating func readNumberedTokens(_ scanner: inout JSONScanner) throws(KingletError) {
    try scanner.enter("{")
    while try scanner.hasNext(before: "}") {
      let text = String(decoding: try scanner.key(), as: UTF8.self)
      tokens.append((text, try scanner.integer(), 0))
    }
  }

  /// `[["a", -1.5], ["b", -2]]`
  private mutating func readScoredTokens(_ scanner: inout JSONScanner) throws(KingletError) {
    try scanner.enter("[")
    while try scanner.hasNext(before: "]") {
      try scanner.enter("[")
      guard try scanner.hasNext(before: "]") else { throw scanner.error("a token is expected") }
      let text = String(decoding: try scanner.string(), as: UTF8.self)
      guard try scanner.hasNext(before: "]") else { throw scanner.error("a score is expected") }
      tokens.append((text, tokens.count, try scanner.float()))
      guard try !scanner.hasNext(before: "]") else { throw scanner.error("a token and its score are expected") }
    }
  }

  /// `["a b", "ab c"]`, or as it is written since tokens may hold spaces, `[["a", "b"], ["ab", "c"]]`.
  private mutating func readMerges(_ scanner: inout JSONScanner) throws(KingletError) {
    try scanner.enter("[")
    while try scanner.hasNext(before: "]") {
      if scanner.nextByte == UInt8(ascii: "[") {
        var pair: [[UInt8]] = []
        try scanner.enter("[")
        while try scanner.hasNext(before: "]") { pair.append(try scanner.string()) }
        guard pair.count == 2 else { throw scanner.error("a merge is of two tokens") }
        merges.append((pair[0], pair[1]))
      } else {
        let text = try scanner.string()
        guard let space = text.dropFirst().firstIndex(of: UInt8(ascii: " ")), space + 1 < text.count else {
          throw scanner.error("a merge is of two tokens with a space between them")
        }
        merges.append((Array(text[..<space]), Array(text[(space + 1)...])))
      }
    }
  }
}
