// Upper, lower and title case by Unicode's full mappings ("ß" becomes "SS"), one scalar at a time, as Python maps
// them. Looking up what Unicode says of a scalar takes long, so texts in ASCII go a shorter way.
extension String {
  var uppercase: String {
    mappedInASCII { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 } ?? mapped { $0.properties.uppercaseMapping }
  }

  var lowercase: String {
    if let ascii = mappedInASCII({ (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }) { return ascii }
    var result = ""
    var previousIsCased = false
    let scalars = Array(unicodeScalars)
    for (position, scalar) in scalars.enumerated() {
      // A sigma at the end of a word has a form of its own.
      if scalar == "Σ", previousIsCased, !(position + 1 < scalars.count && scalars[position + 1].properties.isCased) {
        result += "ς"
      } else {
        result += scalar.properties.lowercaseMapping
      }
      if !scalar.properties.isCaseIgnorable { previousIsCased = scalar.properties.isCased }
    }
    return result
  }

  /// `str.capitalize`.
  var capitalizedFirst: String {
    guard let first = unicodeScalars.first else { return self }
    return first.properties.titlecaseMapping + String(unicodeScalars.dropFirst()).lowercase
  }

  /// `str.title`: a capital after everything that has no case.
  var titlecase: String {
    var isInWord = false
    return mapped { scalar in
      defer { isInWord = scalar.properties.isCased }
      return isInWord ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
    }
  }

  /// What `casefold` does beyond lower case, for the one letter where it matters.
  var replacingSharpS: String { mapped { $0 == "ß" ? "ss" : String($0) } }

  var swappedCase: String {
    mapped { $0.properties.isUppercase ? $0.properties.lowercaseMapping : $0.properties.uppercaseMapping }
  }

  /// `str.isupper`: whether all letters that have a case are capitals, and there is at least one.
  var isAllUppercase: Bool { hasOnly(.uppercaseLetter) }

  /// `str.islower`.
  var isAllLowercase: Bool { hasOnly(.lowercaseLetter) }

  private func hasOnly(_ wanted: Unicode.GeneralCategory) -> Bool {
    var isFound = false
    for scalar in unicodeScalars {
      guard let found = scalar.letterCase else { continue }
      guard found == wanted else { return false }
      isFound = true
    }
    return isFound
  }

  private func mappedInASCII(_ mapping: (UInt8) -> UInt8) -> String? {
    guard utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
    return String(utf8: utf8.map(mapping))
  }

  private func mapped(_ mapping: (Unicode.Scalar) -> String) -> String {
    var result = ""
    result.reserveCapacity(utf8.count)
    for scalar in unicodeScalars { result += mapping(scalar) }
    return result
  }
}

extension Unicode.Scalar {
  /// Upper, lower or title case; nil for what has none.
  fileprivate var letterCase: Unicode.GeneralCategory? {
    switch value {
    case 0x41...0x5A: return .uppercaseLetter
    case 0x61...0x7A: return .lowercaseLetter
    case ..<0x80: return nil
    default: break
    }
    if properties.generalCategory == .titlecaseLetter { return .titlecaseLetter }
    return properties.isUppercase ? .uppercaseLetter : properties.isLowercase ? .lowercaseLetter : nil
  }
}
