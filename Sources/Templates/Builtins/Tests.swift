/// What can follow `is`, and what `select` and its kin can name.
enum Tests {
  typealias Test = @Sendable (Evaluator, JinjaValue, Arguments) throws(TemplateError) -> Bool

  static func isKnown(_ name: String) -> Bool { table[name] != nil }

  static func named(_ name: String) -> Test? { table[name] }

  private static let table: [String: Test] = simple.merging(comparisons) { first, _ in first }

  private static let comparisons: [String: Test] = [
    "==": comparison(.equal), "eq": comparison(.equal), "equalto": comparison(.equal),
    "!=": comparison(.notEqual), "ne": comparison(.notEqual),
    "<": comparison(.less), "lt": comparison(.less), "lessthan": comparison(.less),
    "<=": comparison(.lessOrEqual), "le": comparison(.lessOrEqual),
    ">": comparison(.greater), "gt": comparison(.greater), "greaterthan": comparison(.greater),
    ">=": comparison(.greaterOrEqual), "ge": comparison(.greaterOrEqual),
    "in": comparison(.isIn),
  ]

  private static func comparison(_ operation: ComparisonOperator) -> Test {
    { (evaluator, value, arguments) throws(TemplateError) in
      let other = try arguments.bound(to: "other", of: operation.rawValue).required(0)
      return try evaluator.compare(operation, value, other)
    }
  }

  private static let simple: [String: Test] = [
    "defined": { (_, value, _) in !value.isUndefined },
    "undefined": { (_, value, _) in value.isUndefined },
    "none": { (_, value, _) in if case .none = value { true } else { false } },
    "boolean": { (_, value, _) in if case .bool = value { true } else { false } },
    "true": { (_, value, _) in if case .bool(true) = value { true } else { false } },
    "false": { (_, value, _) in if case .bool(false) = value { true } else { false } },
    "integer": { (_, value, _) in if case .int = value { true } else { false } },
    "float": { (_, value, _) in if case .double = value { true } else { false } },
    "number": { (_, value, _) in value.number != nil },
    "string": { (_, value, _) in value.text != nil },
    "mapping": { (_, value, _) in if case .dictionary = value { true } else { false } },
    "escaped": { (_, value, _) in value.isMarkup },
    "sequence": { (_, value, _) in isSequence(value) },
    "iterable": { (_, value, _) in isIterable(value) },
    "callable": { (_, value, _) in isCallable(value) },
    "lower": { (evaluator, value, _) throws(TemplateError) in
      let text = try evaluator.text(of: value)
      try evaluator.budget.study(text)
      return text.isAllLowercase
    },
    "upper": { (evaluator, value, _) throws(TemplateError) in
      let text = try evaluator.text(of: value)
      try evaluator.budget.study(text)
      return text.isAllUppercase
    },
    "odd": { (evaluator, value, _) throws(TemplateError) in try remainder(evaluator, value, 2) == 1 },
    "even": { (evaluator, value, _) throws(TemplateError) in try remainder(evaluator, value, 2) == 0 },
    "divisibleby": { (evaluator, value, arguments) throws(TemplateError) in
      let divisor = try arguments.bound(to: "num", of: "divisibleby").required(0)
      return try evaluator.apply(.modulo, value, divisor).number == 0
    },
    "filter": { (_, value, _) in value.text.map(Filters.isKnown) ?? false },
    "test": { (_, value, _) in value.text.map(isKnown) ?? false },
    "sameas": { (evaluator, value, arguments) throws(TemplateError) in
      let other = try arguments.bound(to: "other", of: "sameas").required(0)
      guard value.typeName == other.typeName else { return false }
      return try evaluator.budget.isEqual(value, other)
    },
  ]

  private static func remainder(
    _ evaluator: Evaluator, _ value: JinjaValue, _ divisor: Int
  ) throws(TemplateError) -> Double? {
    guard value.text == nil else { throw .type("not all arguments converted during string formatting") }
    return try evaluator.apply(.modulo, value, .int(divisor)).number
  }

  private static func isSequence(_ value: JinjaValue) -> Bool {
    switch value {
    case .undefined, .string, .markup, .array, .tuple, .dictionary: true
    case .object(let object): object.isIndexed
    default: false
    }
  }

  private static func isIterable(_ value: JinjaValue) -> Bool {
    if case .object(let object) = value { return object.isIterable }
    return isSequence(value)
  }

  private static func isCallable(_ value: JinjaValue) -> Bool {
    switch value {
    case .undefined: true
    case .object(let object): object.isCallable
    default: false
    }
  }
}
