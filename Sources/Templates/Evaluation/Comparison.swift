// Equality and order as Python has them. They belong to the budget because comparing containers is work that a template
// can make arbitrarily long.
extension Budget {
  /// `left == right`: numbers by value whatever their type, texts by code points, containers by content.
  func isEqual(_ left: JinjaValue, _ right: JinjaValue) throws(TemplateError) -> Bool {
    try step()
    switch (left, right) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.array(let left), .array(let right)), (.tuple(let left), .tuple(let right)):
      guard left.count == right.count else { return false }
      for (left, right) in zip(left, right) where try !isEqual(left, right) { return false }
      return true
    case (.dictionary(let left), .dictionary(let right)): return try isEqual(left, right)
    case (.object(let left), .object(let right)): return left === right
    default:
      if let left = left.text, let right = right.text {
        guard left.utf8.count == right.utf8.count else { return false }
        try study(left)
        return left.isIdentical(to: right)
      }
      if let left = left.integer, let right = right.integer { return left == right }
      if let left = left.number, let right = right.number { return left == right }
      return false
    }
  }

  private func isEqual(_ left: JinjaDictionary, _ right: JinjaDictionary) throws(TemplateError) -> Bool {
    guard left.count == right.count else { return false }
    for entry in left.entries {
      guard let other = right[entry.identity], try isEqual(entry.value, other) else { return false }
    }
    return true
  }

  /// `left < right`.
  func isLess(_ left: JinjaValue, _ right: JinjaValue) throws(TemplateError) -> Bool {
    try isOrdered(left, right, .less)
  }

  /// `<`, `<=`, `>` or `>=` between numbers, texts, or sequences of the same type.
  func isOrdered(
    _ left: JinjaValue, _ right: JinjaValue, _ operation: ComparisonOperator
  ) throws(TemplateError) -> Bool {
    try step()
    if case .undefined(let undefined) = left { throw undefined.error }
    if case .undefined(let undefined) = right { throw undefined.error }
    if let left = left.text, let right = right.text {
      try study(left)
      return Self.holds(operation, isLess: left.precedes(right), isGreater: right.precedes(left))
    }
    if let left = left.integer, let right = right.integer {
      return Self.holds(operation, isLess: left < right, isGreater: left > right)
    }
    if let left = left.number, let right = right.number {
      // Nothing holds for "not a number".
      return !left.isNaN && !right.isNaN && Self.holds(operation, isLess: left < right, isGreater: left > right)
    }
    switch (left, right) {
    case (.array(let first), .array(let second)), (.tuple(let first), .tuple(let second)):
      for (left, right) in zip(first, second) where try !isEqual(left, right) {
        return try isOrdered(left, right, operation)
      }
      return Self.holds(operation, isLess: first.count < second.count, isGreater: first.count > second.count)
    default:
      throw .type(
        "'\(operation.rawValue)' not supported between instances of '\(left.typeName)' and '\(right.typeName)'")
    }
  }

  private static func holds(_ operation: ComparisonOperator, isLess: Bool, isGreater: Bool) -> Bool {
    switch operation {
    case .less: isLess
    case .lessOrEqual: !isGreater
    case .greater: isGreater
    case .greaterOrEqual: !isLess
    default: false
    }
  }
}
