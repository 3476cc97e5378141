/// A set of characters by their Unicode properties: what `\p{L}`, `\s` and the like are in a pattern.
struct CharacterClass: Sendable {
  private let flags: CharacterFlags
  private let isNegated: Bool

  /// Characters with one of the flags.
  static func any(_ flags: CharacterFlags) -> Self { Self(flags: flags, isNegated: false) }
  /// Characters with none of the flags.
  static func no(_ flags: CharacterFlags) -> Self { Self(flags: flags, isNegated: true) }

  func contains(_ character: CharacterFlags) -> Bool { character.isDisjoint(with: flags) == isNegated }
}

/// What patterns ask about a character.
struct CharacterFlags: OptionSet, Sendable {
  let rawValue: UInt16

  /// `\p{L}`
  static let letter = Self(rawValue: 1)
  /// `\p{M}`
  static let mark = Self(rawValue: 2)
  /// `\p{N}`
  static let number = Self(rawValue: 4)
  /// `\p{P}`
  static let punctuation = Self(rawValue: 8)
  /// `\p{S}`
  static let symbol = Self(rawValue: 16)
  /// `\s`: Unicode's `White_Space`.
  static let whitespace = Self(rawValue: 32)
  /// A line feed or carriage return, the two that patterns name.
  static let lineBreak = Self(rawValue: 64)
  /// U+0020.
  static let space = Self(rawValue: 128)
  /// `[0-9]`
  static let digit = Self(rawValue: 256)
  /// `[$+<=>^|~]`
  static let asciiSymbol = Self(rawValue: 512)
  /// U+0060.
  static let backtick = Self(rawValue: 1024)
  /// The sets of `DeepSeekCharacters`, looked up for its pre-tokenizers only.
  static let listedLetter = Self(rawValue: 2048)
  static let listedPunctuation = Self(rawValue: 4096)
  static let listedAsian = Self(rawValue: 8192)

  /// The flags of the character that each byte of `text[range]` belongs to, continuation bytes included, so that runs
  /// of characters are runs of bytes. What is not UTF-8 has no flags. `more` gives flags that few need.
  static func ofBytes(
    _ text: [UInt8], _ range: Range<Int>, more: ((Unicode.Scalar) -> CharacterFlags)? = nil
  ) -> [CharacterFlags] {
    var flags: [CharacterFlags] = []
    flags.reserveCapacity(range.count)
    var index = range.lowerBound
    while index < range.upperBound {
      let first = text[index]
      if first < 0x80 {
        flags.append(more.map { ascii[Int(first)].union($0(Unicode.Scalar(first))) } ?? ascii[Int(first)])
        index += 1
        continue
      }
      let length = min(first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1, range.upperBound - index)
      var value = UInt32(first) & (0x7F >> UInt32(length))
      for continuation in text[index + 1..<index + length] { value = value << 6 | UInt32(continuation & 0x3F) }
      let found = Unicode.Scalar(value).map { more?($0).union(of($0)) ?? of($0) } ?? []
      for _ in 0..<length { flags.append(found) }
      index += length
    }
    return flags
  }

  private static let ascii = (0..<128).map { value in
    var flags = of(Unicode.Scalar(UInt8(value)))
    if (0x30...0x39).contains(value) { flags.insert(.digit) }
    if value == 0x60 { flags.insert(.backtick) }
    if flags.contains(.symbol), value != 0x60 { flags.insert(.asciiSymbol) }
    return flags
  }

  private static func of(_ scalar: Unicode.Scalar) -> CharacterFlags {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: .letter
    case .nonspacingMark, .spacingMark, .enclosingMark: .mark
    case .decimalNumber, .letterNumber, .otherNumber: .number
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      .punctuation
    case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: .symbol
    case .spaceSeparator: scalar == " " ? [.whitespace, .space] : .whitespace
    case .lineSeparator, .paragraphSeparator: .whitespace
    case .control:
      switch scalar.value {
      case 0x0A, 0x0D: [.whitespace, .lineBreak]
      case 0x09...0x0C, 0x85: .whitespace
      default: []
      }
    default: []
    }
  }
}
