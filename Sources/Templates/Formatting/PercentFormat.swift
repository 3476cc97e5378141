extension Evaluator {
  /// `format % values`, where the values are a tuple, a dictionary for `%(name)s`, or a single value.
  ///
  /// - Parameter escapes: whether values are escaped for HTML, as they are when the format is HTML.
  func percentFormatted(
    _ format: String, _ values: JinjaValue, escapes: Bool = false
  ) throws(TemplateError) -> String {
    try budget.examine(format)
    var formatter = PercentFormatter(evaluator: self, format: format, values: values, escapes: escapes)
    return try formatter.text()
  }
}

private struct PercentFormatter {
  let evaluator: Evaluator
  let values: JinjaValue
  let escapes: Bool
  private let format: [Unicode.Scalar]
  private var position = 0
  private var remaining: ArraySlice<JinjaValue>
  private var result: BoundedText

  init(evaluator: Evaluator, format: String, values: JinjaValue, escapes: Bool) {
    self.evaluator = evaluator
    self.values = values
    self.escapes = escapes
    self.format = Array(format.unicodeScalars)
    if case .tuple(let elements) = values { remaining = elements.elements[...] } else { remaining = [values] }
    result = BoundedText(evaluator.budget)
  }

  mutating func text() throws(TemplateError) -> String {
    var usesNames = false
    while position < format.count {
      let start = position
      while position < format.count, format[position] != "%" { position += 1 }
      try result.append(String(format[start..<position]))
      guard position < format.count else { break }
      position += 1
      try field(&usesNames)
    }
    let takesSurplus: Bool
    if case .dictionary = values { takesSurplus = true } else { takesSurplus = usesNames }
    guard remaining.isEmpty || takesSurplus else { throw .type("not all arguments converted during string formatting") }
    return result.text
  }

  /// After a `%`.
  private mutating func field(_ usesNames: inout Bool) throws(TemplateError) {
    var field = FieldFormat()
    var named: JinjaValue?
    if current == "(" {
      named = try namedValue()
      usesNames = true
    }
    var isZeroPadded = false
    flags: while let flag = current {
      switch flag {
      case "-": field.alignment = .left
      case "+": field.sign = "+"
      case " ": if field.sign != "+" { field.sign = " " }
      case "#": field.isAlternate = true
      case "0": isZeroPadded = true
      default: break flags
      }
      position += 1
    }
    field.width = try number() ?? 0
    if current == "." {
      position += 1
      field.precision = try number() ?? 0
    }
    guard let letter = current else { throw .value("incomplete format") }
    position += 1
    if letter == "%" { return try result.append("%") }
    if isZeroPadded, field.alignment == nil {
      field.alignment = .afterSign
      field.fill = "0"
    }
    let value = if let named { named } else { try next() }
    try result.append(try convert(value, letter, field))
  }

  private func convert(
    _ value: JinjaValue, _ letter: Unicode.Scalar, _ field: FieldFormat
  ) throws(TemplateError) -> String {
    let budget = evaluator.budget
    switch letter {
    case "s", "r":
      var field = field
      field.fill = " "
      field.alignment = field.alignment == .left ? .left : .right
      let text = letter == "s" ? try evaluator.text(of: value) : try evaluator.representation(of: value)
      return try field.formatted(escapes && !value.isMarkup ? try text.escapedForHTML(budget) : text, budget)
    case "d", "i", "u": return try field.formatted(try integer(value, letter), budget)
    case "x", "X":
      return try field.formatted(
        try integer(value, letter), radix: 16, uppercase: letter == "X", prefix: "0\(letter)", budget)
    case "o": return try field.formatted(try integer(value, letter), radix: 8, prefix: "0o", budget)
    case "e", "E", "f", "F", "g", "G":
      guard let number = value.number else { throw .type("must be real number, not \(value.typeName)") }
      return try field.formatted(number, conversion: Character(letter), budget)
    case "c":
      if let text = value.text, text.scalarCount == 1 { return try field.formatted(text, budget) }
      guard let code = value.integer, let scalar = UInt32(exactly: code).flatMap(Unicode.Scalar.init) else {
        throw .type("%c requires an int or a unicode character, not \(value.typeName)")
      }
      return try field.formatted(String(scalar), budget)
    default: throw .value("unsupported format character '\(letter)'")
    }
  }

  private func integer(_ value: JinjaValue, _ letter: Unicode.Scalar) throws(TemplateError) -> Int {
    if let integer = value.integer { return integer }
    guard case .double(let number) = value, "diu".unicodeScalars.contains(letter) else {
      throw .type("%\(letter) format: a real number is required, not \(value.typeName)")
    }
    guard let integer = Int(exactly: number.rounded(.towardZero)) else { throw .overflow() }
    return integer
  }

  private var current: Unicode.Scalar? { position < format.count ? format[position] : nil }

  private mutating func next() throws(TemplateError) -> JinjaValue {
    guard let value = remaining.popFirst() else { throw .type("not enough arguments for format string") }
    return value
  }

  private mutating func number() throws(TemplateError) -> Int? {
    if current == "*" {
      position += 1
      guard let width = try next().integer else { throw .type("* wants int") }
      return width
    }
    let start = position
    while let digit = current, ("0"..."9").contains(digit) { position += 1 }
    guard position > start else { return nil }
    guard let number = Int(String(format[start..<position])) else { throw .value("width too big") }
    return number
  }

  private mutating func namedValue() throws(TemplateError) -> JinjaValue {
    guard case .dictionary(let dictionary) = values else { throw .type("format requires a mapping") }
    let start = position + 1
    while let scalar = current, scalar != ")" { _ = scalar; position += 1 }
    guard position < format.count else { throw .value("incomplete format key") }
    let name = String(format[start..<position])
    position += 1
    guard let value = dictionary[name] else { throw TemplateError(.key, "'\(name)'") }
    return value
  }
}
