/// Turns tokens into text one at a time, as a model makes them.
///
/// A token may end in the middle of a character; such bytes wait for the next token, so that what is returned is
/// always whole characters. Bytes that can no longer become a character give one U+FFFD for each maximal ill-formed
/// part, as Unicode recommends (section 3.9, "U+FFFD Substitution of Maximal Subparts").
public struct StreamingDetokenizer: Sendable {
  /// Whether control tokens give no text, instead of their spelling.
  public var skipSpecial: Bool
  private let tokenizer: Tokenizer
  /// The start of a character: at most three bytes.
  private var pending: [UInt8] = []

  public init(_ tokenizer: Tokenizer, skipSpecial: Bool = true) {
    self.tokenizer = tokenizer
    self.skipSpecial = skipSpecial
  }

  /// Takes the next token and returns the text that is complete with it, which may be empty.
  ///
  /// The leading space of a first token is kept. A number that is no token counts as U+FFFD.
  public mutating func append(_ id: Int32) -> String {
    if skipSpecial, tokenizer.isSpecial(id) { return "" }
    pending += tokenizer.bytes(of: id)
    let complete = pending.count - UTF8Tail.incompleteByteCount(of: pending)
    defer { pending.removeFirst(complete) }
    return String(decoding: pending[..<complete], as: UTF8.self)
  }

  /// Ends the text and returns what was held back: nothing, or U+FFFD for a character that remained incomplete.
  public mutating func finish() -> String {
    defer { pending.removeAll() }
    return String(decoding: pending, as: UTF8.self)
  }
}

/// The end of a text in UTF-8 that is still growing.
enum UTF8Tail {
  /// How many bytes at the end are the start of a character that more bytes could complete: 0 to 3.
  static func incompleteByteCount(of bytes: [UInt8]) -> Int {
    for count in stride(from: min(3, bytes.count), to: 0, by: -1) {
      let start = bytes.count - count
      if count < length(of: bytes[start]), isWellFormedStart(bytes[start...]) { return count }
    }
    return 0
  }

  /// The length of a character that starts with this byte; 0 where none does.
  private static func length(of first: UInt8) -> Int {
    switch first {
    case 0x00...0x7F: 1
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: 0
    }
  }

  /// Whether continuation bytes follow the first, within what that one allows (Unicode, table 3-7). The start of a
  /// surrogate (ED A0) passes, as in the reference: it is found to be wrong when its third byte is there.
  private static func isWellFormedStart(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let first = bytes.first else { return false }
    let rest = bytes.dropFirst()
    guard let second = rest.first else { return true }
    let allowed: ClosedRange<UInt8> =
      switch first {
      case 0xE0: 0xA0...0xBF
      case 0xF0: 0x90...0xBF
      case 0xF4: 0x80...0x8F
      default: 0x80...0xBF
      }
    return allowed.contains(second) && rest.dropFirst().allSatisfy { $0 & 0xC0 == 0x80 }
  }
}
