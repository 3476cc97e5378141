/// Writes values as Python's `json.dumps` does.
struct JSONWriter {
  var indent: String?
  var itemSeparator = ", "
  var keySeparator = ": "
  var sortsKeys = false
  var escapesNonASCII = false

  private var output: BoundedText
  private let budget: Budget

  init(_ budget: Budget) {
    self.budget = budget
    output = BoundedText(budget)
  }

  /// The JSON of `value`.
  mutating func text(of value: JinjaValue) throws(TemplateError) -> String {
    try write(value, level: 0)
    return output.text
  }

  private mutating func write(_ value: JinjaValue, level: Int) throws(TemplateError) {
    try budget.step()
    switch value {
    case .none: try output.append("null")
    case .bool(let flag): try output.append(flag ? "true" : "false")
    case .int(let number): try output.append(String(number))
    case .double(let number): try output.append(Self.text(of: number))
    case .string(let text), .markup(let text): try write(quoted: text)
    case .array(let elements), .tuple(let elements): try write(elements, level: level)
    case .dictionary(let dictionary): try write(dictionary, level: level)
    case .object(let group as Group): try write(JinjaArray([group.element(at: 0), group.element(at: 1)]), level: level)
    case .undefined, .object: throw .type("Object of type \(value.typeName) is not JSON serializable")
    }
  }

  private mutating func write(_ elements: JinjaArray, level: Int) throws(TemplateError) {
    guard !elements.isEmpty else { return try output.append("[]") }
    try output.append("[")
    for (position, element) in elements.enumerated() {
      if position > 0 { try output.append(itemSeparator) }
      try breakLine(level + 1)
      try write(element, level: level + 1)
    }
    try breakLine(level)
    try output.append("]")
  }

  private mutating func write(_ dictionary: JinjaDictionary, level: Int) throws(TemplateError) {
    guard dictionary.count > 0 else { return try output.append("{}") }
    var entries = dictionary.entries
    if sortsKeys {
      entries = try stablySorted(entries) { (left, right) throws(TemplateError) in
        try budget.isLess(left.key, right.key)
      }
    }
    try output.append("{")
    for (position, entry) in entries.enumerated() {
      if position > 0 { try output.append(itemSeparator) }
      try breakLine(level + 1)
      try write(quoted: Self.text(ofKey: entry.key))
      try output.append(keySeparator)
      try write(entry.value, level: level + 1)
    }
    try breakLine(level)
    try output.append("}")
  }

  private mutating func breakLine(_ level: Int) throws(TemplateError) {
    guard let indent else { return }
    try output.append("\n")
    try output.append(indent, count: level)
  }

  private mutating func write(quoted text: String) throws(TemplateError) {
    let escapesNonASCII = escapesNonASCII
    try output.append("\"")
    try output.append(text) { scalar in
      switch scalar {
      case "\"": "\\\""
      case "\\": "\\\\"
      case "\n": "\\n"
      case "\r": "\\r"
      case "\t": "\\t"
      case "\u{8}": "\\b"
      case "\u{C}": "\\f"
      case _ where scalar.value < 0x20 || (escapesNonASCII && scalar.value > 0x7E): Self.escape(scalar)
      default: nil
      }
    }
    try output.append("\"")
  }

  /// As one or two UTF-16 units.
  private static func escape(_ scalar: Unicode.Scalar) -> String {
    UTF16.encode(scalar)?.map { unit in
      let digits = String(unit, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }.joined() ?? ""
  }

  private static func text(of number: Double) -> String {
    if number.isNaN { return "NaN" }
    if number.isInfinite { return number < 0 ? "-Infinity" : "Infinity" }
    return number.pythonDescription
  }

  private static func text(ofKey key: JinjaValue) throws(TemplateError) -> String {
    switch key {
    case .string(let text), .markup(let text): return text
    case .none: return "null"
    case .bool(let flag): return flag ? "true" : "false"
    case .int(let number): return String(number)
    case .double(let number): return text(of: number)
    default: throw .type("keys must be str, int, float, bool or None, not \(key.typeName)")
    }
  }
}
