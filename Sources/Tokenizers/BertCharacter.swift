/// What BERT's normalisation makes of a character.
///
/// The reference has the categories of Unicode 8. What was added to Unicode since is nothing in particular to it, so that
/// a mark of a newer script stays where one of an older script is taken off.
enum BertCharacter {
  /// Not there: U+0000, U+FFFD and control, format and private characters.
  case dropped
  case whitespace
  case punctuation
  /// A word by itself, as Chinese has no spaces.
  case ideograph
  case other

  init(_ scalar: Unicode.Scalar) {
    self = scalar.value < 0x80 ? Self.ascii[Int(scalar.value)] : Self(general: scalar)
  }

  /// Whether a character is one that is taken off: a nonspacing mark.
  static func isAccent(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x300: false
    // What was a nonspacing mark in Unicode 8 and is none now, and the other way about.
    case 0x1734, 0x1171E: true
    case 0x1885, 0x1886, 0xA9BD, 0x111C9: false
    default: scalar.properties.generalCategory == .nonspacingMark && isOld(scalar)
    }
  }

  /// Whether Unicode 8 has a character.
  static func isOld(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.age.map { $0.major <= 8 } ?? false }

  private static let ascii: [BertCharacter] = (0..<0x80).map { value in
    switch value {
    case 0x09, 0x0A, 0x0D, 0x20: .whitespace
    case 0x00...0x1F, 0x7F: .dropped
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: .other
    // All of ASCII's symbols count, also those that Unicode does not call punctuation.
    default: .punctuation
    }
  }

  private init(general scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0xFFFD: self = .dropped
    // They were punctuation then.
    case 0x166D, 0x111C9: self = .punctuation
    // U+2B920 is what the reference has where the block starts at U+2B820.
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F, 0x2B920...0x2CEAF,
      0xF900...0xFAFF, 0x2F800...0x2FA1F:
      self = .ideograph
    default: self = Self.isOld(scalar) ? Self(category: scalar.properties.generalCategory) : .other
    }
  }

  private init(category: Unicode.GeneralCategory) {
    switch category {
    case .control, .format, .privateUse: self = .dropped
    case .spaceSeparator, .lineSeparator, .paragraphSeparator: self = .whitespace
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      self = .punctuation
    default: self = .other
    }
  }
}
