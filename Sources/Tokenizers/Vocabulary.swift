/// What a token stands for: the numbers of `tokenizer.ggml.token_type`.
public enum TokenKind: UInt8, Sendable {
  /// Text.
  case normal = 1
  /// Stands for what the vocabulary cannot spell.
  case unknown = 2
  /// Steers the model (`<|im_end|>`); it is never text, and text becomes it only where the caller asks.
  case control = 3
  /// Text that always becomes this token as a whole.
  case userDefined = 4
  /// A number without a meaning, which pads the vocabulary.
  case unused = 5
  /// One byte, for what no other token spells.
  case byte = 6

  /// Whether text is put together of such tokens; the others are found as a whole, or not at all.
  var isMergeable: Bool {
    switch self {
    case .normal, .userDefined, .unused: true
    case .unknown, .control, .byte: false
    }
  }

  /// Whether such tokens are looked for in a text before anything else.
  var isSpecial: Bool {
    switch self {
    case .unknown, .control, .userDefined: true
    case .normal, .unused, .byte: false
    }
  }
}

/// The texts and kinds of all tokens in flat arrays: 5 bytes a token besides its text, and no object of its own.
struct Vocabulary: Sendable {
  /// More tokens than any model has; the tables that pack a token into 21 bits rely on it.
  static let maximumCount = (1 << 21) - 2

  /// All texts, one after the other.
  private(set) var bytes: [UInt8] = []
  /// Where each text starts, and one more as if another followed.
  private var starts: [UInt32] = [0]
  private var kinds: [TokenKind] = []

  /// The number of tokens.
  var count: Int { kinds.count }
  /// All tokens.
  var ids: Range<Int32> { 0..<Int32(kinds.count) }

  init(count: Int, byteCount: Int) {
    bytes.reserveCapacity(byteCount)
    starts.reserveCapacity(count + 1)
    kinds.reserveCapacity(count)
  }

  /// Adds the next token; `write` appends its text, which must not take the sum of all beyond 4 GB.
  mutating func append(_ kind: TokenKind, _ write: (inout [UInt8]) -> Void) {
    write(&bytes)
    starts.append(UInt32(truncatingIfNeeded: bytes.count))
    kinds.append(kind)
  }

  /// Writes a space for each U+2581, the mark by which SentencePiece writes it.
  mutating func decodeSpaceMarks() {
    var text: [UInt8] = []
    swap(&text, &bytes)
    var read = 0
    var write = 0
    for token in 1..<starts.count {
      let end = Int(starts[token])
      while read < end {
        let isMark = text[read] == 0xE2 && read + 2 < end && text[read + 1] == 0x96 && text[read + 2] == 0x81
        text[write] = isMark ? UInt8(ascii: " ") : text[read]
        read += isMark ? 3 : 1
        write += 1
      }
      starts[token] = UInt32(truncatingIfNeeded: write)
    }
    text.removeLast(text.count - write)
    bytes = text
  }

  /// Where the text of a token lies in `bytes`, or nil for a number that is no token.
  func range(of id: Int32) -> Range<Int>? {
    guard id >= 0, Int(id) < kinds.count else { return nil }
    return Int(starts[Int(id)])..<Int(starts[Int(id) + 1])
  }

  /// The kind of a token, or nil for a number that is no token.
  func kind(of id: Int32) -> TokenKind? { id >= 0 && Int(id) < kinds.count ? kinds[Int(id)] : nil }

  /// The length of the longest text among the tokens that text is put together of, in bytes.
  var longestMergeableByteCount: Int {
    ids.reduce(0) { kind(of: $1)?.isMergeable == true ? max($0, range(of: $1)?.count ?? 0) : $0 }
  }

  /// Changes the kind of a token.
  mutating func setKind(_ kind: TokenKind, of id: Int32) {
    if id >= 0, Int(id) < kinds.count { kinds[Int(id)] = kind }
  }

  /// Whether the text of `id` is `text`.
  func matches(_ id: Int32, _ text: RawSpan) -> Bool {
    guard let range = range(of: id), range.count == text.byteCount else { return false }
    return TokenText.isEqual(bytes.span.bytes.extracting(range), text)
  }

  /// Whether the text of `id` is `first` followed by `second`.
  func matches(_ id: Int32, _ first: RawSpan, _ second: RawSpan) -> Bool {
    guard let range = range(of: id), range.count == first.byteCount + second.byteCount else { return false }
    let text = bytes.span.bytes.extracting(range)
    return TokenText.isEqual(text.extracting(first: first.byteCount), first)
      && TokenText.isEqual(text.extracting(droppingFirst: first.byteCount), second)
  }
}
