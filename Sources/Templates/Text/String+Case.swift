// Upper, lower and title case by Unicode's full mappings ("ß" becomes "SS"), one scalar at a time, as Python maps them.
extension String {
  var uppercase: String { mapped(\.properties.uppercaseMapping) }

  var lowercase: String {
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

  private func mapped(_ mapping: (Unicode.Scalar) -> String) -> String {
    var result = ""
    result.reserveCapacity(utf8.count)
    for scalar in unicodeScalars { result += mapping(scalar) }
    return result
  }
}
