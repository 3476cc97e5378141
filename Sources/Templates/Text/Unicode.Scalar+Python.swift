// The classes of characters that Python's `str` methods and `repr` go by.
extension Unicode.Scalar {
  /// `str.isspace`, which is also what `strip` and `split` remove.
  var isPythonSpace: Bool {
    switch value {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
    default: false
    }
  }

  /// Whether `splitlines` ends a line here.
  var isPythonLineBreak: Bool {
    switch value {
    case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  /// `str.isprintable`: what `repr` does not have to escape.
  var isPythonPrintable: Bool {
    if value < 0x7F { return value >= 0x20 }
    return switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator:
      false
    default: true
    }
  }

  /// `str.isalpha`.
  var isPythonLetter: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  /// `str.isdigit`.
  var isPythonDigit: Bool {
    switch properties.numericType {
    case .decimal, .digit: true
    default: false
    }
  }

  /// `str.isnumeric`.
  var isPythonNumeric: Bool { properties.numericType != nil }

  /// What `\w` matches.
  var isPythonWord: Bool { self == "_" || isPythonLetter || isPythonNumeric }
}
