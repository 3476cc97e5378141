extension Evaluator {
  /// `format.format(…)`: replacement fields in braces, by position or by name.
  func braceFormatted(
    _ format: String, _ arguments: Arguments, escapes: Bool = false
  ) throws(TemplateError) -> String {
    try budget.examine(format)
    var formatter = BraceFormatter(evaluator: self, format: format, arguments: arguments, escapes: escapes)
    return try formatter.text()
  }
}

private struct BraceFormatter {
  let evaluator: Evaluator
  let arguments: Arguments
  let escapes: Bool
  private let format: [Unicode.Scalar]
  private var position = 0
  private var automatic = 0
  private var result: BoundedText

  init(evaluator: Evaluator, format: String, arguments: Arguments, escapes: Bool) {
    self.evaluator = evaluator
    self.arguments = arguments
    self.escapes = escapes
    self.format = Array(format.unicodeScalars)
    result = BoundedText(evaluator.budget)
  }

  mutating func text() throws(TemplateError) -> String {
    while position < format.count {
      let start = position
      while position < format.count, format[position] != "{", format[position] != "}" { position += 1 }
      try result.append(String(format[start..<position]))
      guard position < format.count else { break }
      let brace = format[position]
      position += 1
      if position < format.count, format[position] == brace {
        try result.append(String(brace))
        position += 1
      } else if brace == "{" {
        try field()
      } else {
        throw .value("Single '}' encountered in format string")
      }
    }
    return result.text
  }

  /// After a `{`: `name!conversion:specification}`.
  private mutating func field() throws(TemplateError) {
    guard let end = format[position...].firstIndex(of: "}") else { throw .value("expected '}' before end of string") }
    let content = format[position..<end]
    position = end + 1
    let beforeColon = content.prefix { $0 != ":" }
    let specification = content.dropFirst(beforeColon.count + 1)
    guard !content.contains("{") else { throw .value("fields within fields are not supported") }
    let name = beforeColon.prefix { $0 != "!" }
    var value = try self.value(named: name)
    switch beforeColon.dropFirst(name.count) {
    case []: break
    case ["!", "s"]: value = .string(try evaluator.text(of: value))
    case ["!", "r"]: value = .string(try evaluator.representation(of: value))
    default: throw .value("unknown conversion in format string")
    }
    let text = try evaluator.formatted(value, specification: Array(specification))
    try result.append(escapes && !value.isMarkup ? try text.escapedForHTML(evaluator.budget) : text)
  }

  /// `0`, `name`, or nothing for the next one, followed by `.attribute` and `[element]`.
  private mutating func value(named path: ArraySlice<Unicode.Scalar>) throws(TemplateError) -> JinjaValue {
    let first = path.prefix { $0 != "." && $0 != "[" }
    var value = try argument(String(first))
    var rest = path.dropFirst(first.count)
    while let mark = rest.popFirst() {
      let isAttribute = mark == "."
      let part = rest.prefix { isAttribute ? $0 != "." && $0 != "[" : $0 != "]" }
      let name = String(part)
      rest = rest.dropFirst(part.count)
      if isAttribute {
        value = try evaluator.attribute(name, of: value)
      } else {
        guard rest.popFirst() == "]" else { throw .value("Missing ']' in format string") }
        value = try evaluator.element(Int(name).map { .int($0) } ?? .string(name), of: value)
      }
      if case .undefined(let undefined) = value { throw undefined.error }
    }
    return value
  }

  private mutating func argument(_ name: String) throws(TemplateError) -> JinjaValue {
    var index = Int(name)
    if name.isEmpty {
      index = automatic
      automatic += 1
    }
    if let index {
      guard arguments.positional.indices.contains(index) else {
        throw TemplateError(.key, "Replacement index \(index) out of range for positional args tuple")
      }
      return arguments.positional[index]
    }
    guard let named = arguments.named.first(where: { $0.name == name }) else { throw TemplateError(.key, "'\(name)'") }
    return named.value
  }
}

extension Evaluator {
  /// `format(value, specification)`.
  fileprivate func formatted(
    _ value: JinjaValue, specification: [Unicode.Scalar]
  ) throws(TemplateError) -> String {
    if specification.isEmpty { return try text(of: value) }
    var parser = SpecificationParser(specification)
    let (field, type) = try parser.parse()
    if let text = value.text {
      guard type == nil || type == "s" else { throw unknown(type, value) }
      return try field.formatted(text, budget)
    }
    if let integer = value.integer, let text = try formatted(integer, field, type) { return text }
    if let number = value.number { return try formatted(number, field, type, value) }
    throw .type("unsupported format string passed to \(value.typeName).__format__")
  }

  private func formatted(
    _ value: Int, _ field: FieldFormat, _ type: Unicode.Scalar?
  ) throws(TemplateError) -> String? {
    switch type {
    case nil, "d", "n": try field.formatted(value, budget)
    case "c":
      if let scalar = UInt32(exactly: value).flatMap(Unicode.Scalar.init) {
        try field.formatted(String(scalar), budget)
      } else {
        throw .overflow("%c arg not in range(0x110000)")
      }
    case "b": try field.formatted(value, radix: 2, prefix: "0b", budget)
    case "o": try field.formatted(value, radix: 8, prefix: "0o", budget)
    case "x": try field.formatted(value, radix: 16, prefix: "0x", budget)
    case "X": try field.formatted(value, radix: 16, uppercase: true, prefix: "0X", budget)
    default: nil
    }
  }

  private func formatted(
    _ number: Double, _ field: FieldFormat, _ type: Unicode.Scalar?, _ value: JinjaValue
  ) throws(TemplateError) -> String {
    switch type {
    case nil where field.precision == nil:
      return try field.padded(
        field.signText(isNegative: number.sign == .minus), number.magnitude.pythonDescription, budget)
    case nil, "n": return try field.formatted(number, conversion: "g", budget)
    case "e", "E", "f", "F", "g", "G": return try field.formatted(number, conversion: Character(type ?? "g"), budget)
    case "%":
      var field = field
      field.width = max(0, field.width - 1)
      return try field.formatted(number * 100, conversion: "f", budget) + "%"
    default: throw unknown(type, value)
    }
  }

  private func unknown(_ type: Unicode.Scalar?, _ value: JinjaValue) -> TemplateError {
    .value("Unknown format code '\(type.map(String.init) ?? "")' for object of type '\(value.typeName)'")
  }
}

/// Reads `[[fill]align][sign][#][0][width][grouping][.precision][type]`.
private struct SpecificationParser {
  private let scalars: [Unicode.Scalar]
  private var position = 0

  init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

  private static let alignments: [Unicode.Scalar: FieldFormat.Alignment] = [
    "<": .left, ">": .right, "^": .center, "=": .afterSign,
  ]

  private func peek(_ offset: Int = 0) -> Unicode.Scalar? {
    position + offset < scalars.count ? scalars[position + offset] : nil
  }

  private mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
    guard peek() == scalar else { return false }
    position += 1
    return true
  }

  mutating func parse() throws(TemplateError) -> (FieldFormat, type: Unicode.Scalar?) {
    var field = FieldFormat()
    if let fill = peek(), let mark = peek(1), let alignment = Self.alignments[mark] {
      (field.fill, field.alignment) = (fill, alignment)
      position += 2
    } else if let mark = peek(), let alignment = Self.alignments[mark] {
      field.alignment = alignment
      position += 1
    }
    if let sign = peek(), ["+", "-", " "].contains(sign) {
      field.sign = sign
      position += 1
    }
    field.isAlternate = skip("#")
    if skip("0"), field.alignment == nil { (field.fill, field.alignment) = ("0", .afterSign) }
    field.width = try number() ?? 0
    if let grouping = peek(), grouping == "," || grouping == "_" {
      field.grouping = grouping
      position += 1
    }
    if skip(".") {
      guard let precision = try number() else { throw .value("Format specifier missing precision") }
      field.precision = precision
    }
    guard scalars.count - position <= 1 else { throw .value("Invalid format specifier") }
    return (field, peek())
  }

  private mutating func number() throws(TemplateError) -> Int? {
    let start = position
    while let digit = peek(), ("0"..."9").contains(digit) { position += 1 }
    guard position > start else { return nil }
    guard let number = Int(String(scalars[start..<position])) else {
      throw .value("Too many decimal digits in format string")
    }
    return number
  }
}
