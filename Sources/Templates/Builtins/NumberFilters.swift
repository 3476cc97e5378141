/// Filters on numbers, and from texts to numbers.
enum NumberFilters {
  static let table: [String: Filters.Filter] = [
    "abs": { (evaluator, value, _) throws(TemplateError) in
      if let integer = value.integer { return integer < 0 ? try evaluator.negated(.int(integer)) : .int(integer) }
      guard case .double(let number) = value else { throw .type("bad operand type for abs(): '\(value.typeName)'") }
      return .double(number.magnitude)
    },
    "int": toInteger,
    "float": { (_, value, arguments) throws(TemplateError) in
      let fallback = try arguments.bound(to: "default", of: "float")[0] ?? .double(0)
      if case .undefined(let undefined) = value { throw undefined.error }
      return (value.number ?? value.text.flatMap(double)).map { .double($0) } ?? fallback
    },
    "round": round,
    "filesizeformat": { (_, value, arguments) throws(TemplateError) in
      let isBinary = try arguments.bound(to: "binary", of: "filesizeformat").flag(0)
      guard let bytes = value.number ?? value.text.flatMap(double), bytes.isFinite else {
        throw .type("filesizeformat needs a number, not \(value.typeName)")
      }
      return .string(fileSize(bytes, isBinary: isBinary))
    },
  ]

  private static func toInteger(
    _ evaluator: Evaluator, _ value: JinjaValue, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    let bound = try arguments.bound(to: "default", "base", of: "int")
    let fallback = bound[0] ?? .int(0)
    switch value {
    case .undefined(let undefined): throw undefined.error
    case .bool, .int: return .int(value.integer ?? 0)
    case .double(let number): return try truncated(number) ?? fallback
    case .string(let text), .markup(let text):
      if let integer = integer(text, base: try bound.integer(1) ?? 10) { return .int(integer) }
      return try double(text).flatMap { (number) throws(TemplateError) in try truncated(number) } ?? fallback
    default: return fallback
    }
  }

  private static func truncated(_ number: Double) throws(TemplateError) -> JinjaValue? {
    guard number.isFinite else { return nil }
    guard let integer = Int(exactly: number.rounded(.towardZero)) else { throw .overflow() }
    return .int(integer)
  }

  /// `int(text, base)`: with whitespace around, underscores between digits, and the prefix of the base.
  private static func integer(_ text: String, base: Int) -> Int? {
    guard (2...36).contains(base) || base == 0 else { return nil }
    var digits = text.stripped().lowercase[...]
    let isNegative = digits.first == "-"
    if isNegative || digits.first == "+" { digits = digits.dropFirst() }
    var base = base
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)]
    where digits.starts(with: prefix) && [0, radix].contains(base) {
      digits = digits.dropFirst(2)
      base = radix
    }
    guard let first = digits.first, first != "+", first != "-", first != "_", digits.last != "_" else { return nil }
    return Int((isNegative ? "-" : "") + digits.filter { $0 != "_" }, radix: base == 0 ? 10 : base)
  }

  /// `float(text)`.
  private static func double(_ text: String) -> Double? {
    let text = text.stripped()
    // Swift also reads hexadecimal floats, which Python does not.
    guard !text.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "x") || $0 | 0x20 == UInt8(ascii: "p") }) else {
      return nil
    }
    return Double(text.filter { $0 != "_" })
  }

  private static func round(
    _ evaluator: Evaluator, _ value: JinjaValue, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    let bound = try arguments.bound(to: "precision", "method", of: "round")
    let precision = try bound.integer(0) ?? 0
    let method = try bound.text(1) ?? "common"
    guard ["common", "ceil", "floor"].contains(method) else {
      throw .value("method must be common, ceil or floor")
    }
    if case .undefined(let undefined) = value { throw undefined.error }
    guard let number = value.number else { throw .type("type \(value.typeName) doesn't define __round__ method") }
    guard precision.magnitude <= 300 else { throw .limit("a precision of more than 300 digits") }
    if method == "common" {
      guard let integer = value.integer else { return .double(rounded(number, precision)) }
      return try precision >= 0 ? .int(integer) : truncated(rounded(number, precision)) ?? .int(0)
    }
    let scale = powerOfTen(precision)
    return .double((number * scale).rounded(method == "ceil" ? .up : .down) / scale)
  }

  /// To the nearest; the decimal digits of the exact value decide, as in Python.
  private static func rounded(_ number: Double, _ precision: Int) -> Double {
    guard number.isFinite else { return number }
    if precision < 0 {
      let scale = powerOfTen(-precision)
      return (number / scale).rounded(.toNearestOrEven) * scale
    }
    return Double(number.formatted("f", precision: precision)) ?? number
  }

  private static func powerOfTen(_ exponent: Int) -> Double { Double("1e\(exponent)") ?? 1 }

  private static func fileSize(_ bytes: Double, isBinary: Bool) -> String {
    let base: Double = isBinary ? 1024 : 1000
    if bytes == 1 { return "1 Byte" }
    if bytes < base { return "\(bytes.rounded(.towardZero).formatted("f", precision: 0)) Bytes" }
    let units = ["k", "M", "G", "T", "P", "E", "Z", "Y"]
    var size = bytes / base
    var unit = 0
    while size >= base, unit + 1 < units.count {
      size /= base
      unit += 1
    }
    let prefix = isBinary ? units[unit].uppercase + "i" : units[unit]
    return "\(size.formatted("f", precision: 1)) \(prefix)B"
  }
}
