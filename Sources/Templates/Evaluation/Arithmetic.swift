#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// Arithmetic as Python does it, in 64 bits: what does not fit is an error.
extension Evaluator {
  func apply(
    _ operation: ArithmeticOperator, _ left: JinjaValue, _ right: JinjaValue
  ) throws(TemplateError) -> JinjaValue {
    if operation == .modulo, let format = left.text {
      return left.rewrapped(try percentFormatted(format, right, escapes: left.isMarkup))
    }
    if case .undefined(let undefined) = left { throw undefined.error }
    if case .undefined(let undefined) = right { throw undefined.error }
    if let left = left.integer, let right = right.integer { return try apply(operation, left, right) }
    if let left = left.number, let right = right.number { return try apply(operation, left, right) }
    switch operation {
    case .add: return try joined(left, right)
    case .multiply:
      if let count = right.integer, let result = try repeated(left, count) { return result }
      if let count = left.integer, let result = try repeated(right, count) { return result }
    default: break
    }
    throw unsupported(operation, left, right)
  }

  func negated(_ value: JinjaValue) throws(TemplateError) -> JinjaValue {
    if let integer = value.integer { return try apply(.subtract, .int(0), .int(integer)) }
    if case .double(let number) = value { return .double(-number) }
    throw unsupported("-", value)
  }

  func identity(_ value: JinjaValue) throws(TemplateError) -> JinjaValue {
    if let integer = value.integer { return .int(integer) }
    if case .double = value { return value }
    throw unsupported("+", value)
  }

  private func unsupported(_ sign: String, _ value: JinjaValue) -> TemplateError {
    if case .undefined(let undefined) = value { return undefined.error }
    return .type("bad operand type for unary \(sign): '\(value.typeName)'")
  }

  private func unsupported(_ operation: ArithmeticOperator, _ left: JinjaValue, _ right: JinjaValue) -> TemplateError {
    if operation == .add {
      switch left {
      case .string, .markup: return .type("can only concatenate str (not \"\(right.typeName)\") to str")
      case .array: return .type("can only concatenate list (not \"\(right.typeName)\") to list")
      default: break
      }
    }
    return .type(
      "unsupported operand type(s) for \(operation.rawValue): '\(left.typeName)' and '\(right.typeName)'")
  }

  /// `left + right` for texts and sequences. A text joined to HTML is escaped.
  private func joined(_ left: JinjaValue, _ right: JinjaValue) throws(TemplateError) -> JinjaValue {
    switch (left, right) {
    case (.string(let left), .string(let right)): return .string(try joined(left, right))
    case (.markup(let left), .markup(let right)): return .markup(try joined(left, right))
    case (.markup(let left), .string(let right)): return .markup(try joined(left, try right.escapedForHTML(budget)))
    case (.string(let left), .markup(let right)): return .markup(try joined(try left.escapedForHTML(budget), right))
    case (.array(let left), .array(let right)): return try budget.array(left.elements + right.elements)
    case (.tuple(let left), .tuple(let right)): return try budget.tuple(left.elements + right.elements)
    default: throw unsupported(.add, left, right)
    }
  }

  private func joined(_ left: String, _ right: String) throws(TemplateError) -> String {
    try budget.allocate(left.utf8.count + right.utf8.count)
    return left + right
  }

  /// `value * count` for texts and sequences.
  private func repeated(_ value: JinjaValue, _ count: Int) throws(TemplateError) -> JinjaValue? {
    switch value {
    case .string(let text), .markup(let text):
      var result = BoundedText(budget)
      try result.append(text, count: count)
      return value.rewrapped(result.text)
    case .array(let elements): return .array(try repeated(elements, count))
    case .tuple(let elements): return .tuple(try repeated(elements, count))
    default: return nil
    }
  }

  private func repeated(_ elements: JinjaArray, _ count: Int) throws(TemplateError) -> JinjaArray {
    guard count > 0, !elements.isEmpty else { return [] }
    try budget.allocate(count, times: elements.count * MemoryLayout<JinjaValue>.stride)
    return JinjaArray(Array(repeatElement(elements.elements, count: count).joined()))
  }

  private func apply(_ operation: ArithmeticOperator, _ left: Int, _ right: Int) throws(TemplateError) -> JinjaValue {
    switch operation {
    case .add: return .int(try checked(left.addingReportingOverflow(right)))
    case .subtract: return .int(try checked(left.subtractingReportingOverflow(right)))
    case .multiply: return .int(try checked(left.multipliedReportingOverflow(by: right)))
    case .divide:
      guard right != 0 else { throw divisionByZero("division by zero") }
      return .double(Double(left) / Double(right))
    case .floorDivide:
      guard right != 0 else { throw divisionByZero("integer division or modulo by zero") }
      let quotient = try checked(left.dividedReportingOverflow(by: right))
      return .int(left % right != 0 && (left < 0) != (right < 0) ? quotient - 1 : quotient)
    case .modulo:
      guard right != 0 else { throw divisionByZero("integer modulo by zero") }
      let remainder = try checked(left.remainderReportingOverflow(dividingBy: right))
      return .int(remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder)
    case .power: return try power(left, right)
    }
  }

  private func power(_ base: Int, _ exponent: Int) throws(TemplateError) -> JinjaValue {
    guard exponent >= 0 else {
      guard base != 0 else { throw divisionByZero("0.0 cannot be raised to a negative power") }
      return .double(pow(Double(base), Double(exponent)))
    }
    var result = 1
    var square = base
    var rest = exponent
    while rest > 0 {
      if rest & 1 == 1 { result = try checked(result.multipliedReportingOverflow(by: square)) }
      rest >>= 1
      if rest > 0 { square = try checked(square.multipliedReportingOverflow(by: square)) }
    }
    return .int(result)
  }

  private func apply(
    _ operation: ArithmeticOperator, _ left: Double, _ right: Double
  ) throws(TemplateError) -> JinjaValue {
    switch operation {
    case .add: return .double(left + right)
    case .subtract: return .double(left - right)
    case .multiply: return .double(left * right)
    case .divide:
      guard right != 0 else { throw divisionByZero("float division by zero") }
      return .double(left / right)
    case .floorDivide:
      guard right != 0 else { throw divisionByZero("float floor division by zero") }
      return .double((left / right).rounded(.down))
    case .modulo:
      guard right != 0 else { throw divisionByZero("float modulo") }
      let remainder = left.truncatingRemainder(dividingBy: right)
      return .double(remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder)
    case .power:
      let result = pow(left, right)
      guard result.isFinite || !left.isFinite || !right.isFinite else { throw .overflow("float result out of range") }
      return .double(result)
    }
  }

  private func checked(_ result: (partialValue: Int, overflow: Bool)) throws(TemplateError) -> Int {
    guard !result.overflow else { throw .overflow() }
    return result.partialValue
  }

  private func divisionByZero(_ message: String) -> TemplateError { TemplateError(.value, message) }
}
