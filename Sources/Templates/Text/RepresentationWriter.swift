/// Writes values as Python's `repr` does, which is also how containers print.
struct RepresentationWriter {
  var output: BoundedText
  private let budget: Budget
  private var nesting = 0

  init(_ budget: Budget) {
    self.budget = budget
    output = BoundedText(budget)
  }

  /// Appends the representation of `value`.
  mutating func write(_ value: JinjaValue) throws(TemplateError) {
    try budget.step()
    // Namespaces may contain themselves, so depth is counted here and not only when values are made.
    try budget.check(depth: nesting)
    nesting += 1
    defer { nesting -= 1 }
    switch value {
    case .undefined: try output.append("Undefined")
    case .none: try output.append("None")
    case .bool(let flag): try output.append(flag ? "True" : "False")
    case .int(let number): try output.append(String(number))
    case .double(let number): try output.append(number.pythonDescription)
    case .string(let text): try write(quoted: text)
    case .markup(let text):
      try output.append("Markup(")
      try write(quoted: text)
      try output.append(")")
    case .array(let elements): try write(elements, open: "[", close: "]")
    case .tuple(let elements): try write(elements, open: "(", close: elements.count == 1 ? ",)" : ")")
    case .dictionary(let dictionary): try write(dictionary)
    case .object(let object): try object.description(&self)
    }
  }

  private mutating func write(_ elements: JinjaArray, open: String, close: String) throws(TemplateError) {
    try output.append(open)
    for (position, element) in elements.enumerated() {
      if position > 0 { try output.append(", ") }
      try write(element)
    }
    try output.append(close)
  }

  private mutating func write(_ dictionary: JinjaDictionary) throws(TemplateError) {
    try output.append("{")
    for (position, entry) in dictionary.entries.enumerated() {
      if position > 0 { try output.append(", ") }
      try write(entry.key)
      try output.append(": ")
      try write(entry.value)
    }
    try output.append("}")
  }

  /// In single quotes, unless the text has such and no double ones.
  private mutating func write(quoted text: String) throws(TemplateError) {
    let prefersDouble = text.utf8.contains(UInt8(ascii: "'")) && !text.utf8.contains(UInt8(ascii: "\""))
    let quote: Unicode.Scalar = prefersDouble ? "\"" : "'"
    try output.append(String(quote))
    try output.append(text) { scalar in
      switch scalar {
      case "\n": "\\n"
      case "\r": "\\r"
      case "\t": "\\t"
      case "\\": "\\\\"
      case quote: "\\" + String(quote)
      default: scalar.isPythonPrintable ? nil : scalar.pythonEscape
      }
    }
    try output.append(String(quote))
  }
}

extension Unicode.Scalar {
  /// `\xhh`, `\uhhhh` or `\Uhhhhhhhh`, whichever is the shortest that fits.
  fileprivate var pythonEscape: String {
    let (letter, width) = value < 0x100 ? ("x", 2) : value < 0x10000 ? ("u", 4) : ("U", 8)
    let digits = String(value, radix: 16)
    return "\\" + letter + String(repeating: "0", count: width - digits.count) + digits
  }
}
