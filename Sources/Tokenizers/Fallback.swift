/// What is written for text that no piece of a SentencePiece vocabulary spells: byte tokens, or the unknown token.
struct Fallback: Sendable {
  /// The token of each byte, or `Symbol.missing`.
  private var byteTokens = [Int32](repeating: Symbol.missing, count: 256)
  private let unknown: Int32

  init(_ vocabulary: Vocabulary, unknown: Int32?) {
    self.unknown = unknown ?? Symbol.missing
    for id in vocabulary.ids where vocabulary.kind(of: id) == .byte {
      guard let range = vocabulary.range(of: id), range.count == 1 else { continue }
      byteTokens[Int(vocabulary.bytes[range.lowerBound])] = id
    }
  }

  /// Whether every text has tokens.
  var spellsAnything: Bool { unknown != Symbol.missing || !byteTokens.contains(Symbol.missing) }

  /// Appends the tokens of a text that is no token.
  func append(_ text: ArraySlice<UInt8>, to ids: inout [Int32]) {
    let bytes = text.map { byteTokens[Int($0)] }
    if !bytes.contains(Symbol.missing) {
      ids += bytes
    } else if unknown != Symbol.missing, ids.last != unknown {
      // SentencePiece makes one unknown token of a run of them.
      ids.append(unknown)
    }
  }
}
