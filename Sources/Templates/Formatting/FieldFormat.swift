/// How one field of a format string turns a value into text: what lies between `%` and its letter, or after the colon
/// of a replacement field.
struct FieldFormat {
  enum Alignment {
    case left, right, center
    /// Padding goes between the sign and the digits.
    case afterSign
  }

  var fill: Unicode.Scalar = " "
  var alignment: Alignment?
  /// "+" and " " mark numbers that are not negative; anything else leaves them unmarked.
  var sign: Unicode.Scalar = "-"
  var isAlternate = false
  var width = 0
  var grouping: Unicode.Scalar?
  var precision: Int?

  /// `text`, cut to the precision and padded.
  func formatted(_ text: String, _ budget: Budget) throws(TemplateError) -> String {
    let text = precision.map { String(text.unicodeScalars.prefix($0)) } ?? text
    return try padded("", text, alignment ?? .left, budget)
  }

  /// An integer in `radix`, after `prefix` ("0x") where the alternate form is asked for.
  func formatted(
    _ value: Int, radix: Int = 10, uppercase: Bool = false, prefix: String = "", _ budget: Budget
  ) throws(TemplateError) -> String {
    var digits = String(value.magnitude, radix: radix, uppercase: uppercase)
    if let precision, precision > digits.utf8.count {
      var zeros = BoundedText(budget)
      try zeros.append("0", count: precision - digits.utf8.count)
      digits = zeros.text + digits
    }
    return try padded(signText(isNegative: value < 0) + (isAlternate ? prefix : ""), grouped(digits), budget)
  }

  /// A float with one of the conversions of C's `printf`.
  func formatted(_ value: Double, conversion: Character, _ budget: Budget) throws(TemplateError) -> String {
    let precision = precision ?? 6
    guard precision <= Double.largestPrecision else {
      throw .limit("a precision of more than \(Double.largestPrecision) digits")
    }
    let digits =
      value.isFinite
      ? value.magnitude.formatted(conversion, precision: precision, alternate: isAlternate)
      : value.magnitude.pythonDescription
    return try padded(signText(isNegative: value.sign == .minus && !value.isNaN), grouped(digits), budget)
  }

  func padded(_ sign: String, _ digits: String, _ budget: Budget) throws(TemplateError) -> String {
    try padded(sign, digits, alignment ?? .right, budget)
  }

  private func padded(
    _ sign: String, _ text: String, _ alignment: Alignment, _ budget: Budget
  ) throws(TemplateError) -> String {
    let missing = max(0, width - sign.scalarCount - text.scalarCount)
    let left =
      switch alignment {
      case .left: 0
      case .right, .afterSign: missing
      case .center: missing / 2
      }
    var result = BoundedText(budget)
    if alignment == .afterSign { try result.append(sign) }
    try result.append(String(fill), count: left)
    if alignment != .afterSign { try result.append(sign) }
    try result.append(text)
    try result.append(String(fill), count: missing - left)
    return result.text
  }

  func signText(isNegative: Bool) -> String {
    if isNegative { return "-" }
    return sign == "+" || sign == " " ? String(sign) : ""
  }

  /// With a separator between thousands, if one is asked for.
  private func grouped(_ digits: String) -> String {
    guard let grouping else { return digits }
    let whole = digits.prefix { $0.isASCII && $0.isNumber }
    var result = ""
    for (position, digit) in whole.enumerated() {
      if position > 0, (whole.count - position) % 3 == 0 { result.unicodeScalars.append(grouping) }
      result.append(digit)
    }
    return result + digits.dropFirst(whole.count)
  }
}
