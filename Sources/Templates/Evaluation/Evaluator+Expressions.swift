// Evaluating expressions.
extension Evaluator {
  /// The value of `expression`.
  func evaluate(_ expression: Expression) throws(TemplateError) -> JinjaValue {
    try enter()
    let value = try valueOf(expression)
    leave()
    return value
  }

  private func valueOf(_ expression: Expression) throws(TemplateError) -> JinjaValue {
    switch expression {
    case .literal(let value): value
    case .name(let name): scope.value(of: name) ?? .undefined("'\(name)' is undefined")
    case .array(let items): try budget.array(try evaluate(items))
    case .tuple(let items): try budget.tuple(try evaluate(items))
    case .dictionary(let items): try dictionary(items)
    case .arithmetic(let first, let rest): try arithmetic(first, rest)
    case .concatenation(let operands): try concatenation(operands)
    case .comparison(let first, let rest): try comparison(first, rest)
    case .and(let operands): try firstOperand(of: operands, whereTruthIs: false)
    case .or(let operands): try firstOperand(of: operands, whereTruthIs: true)
    case .not(let operand): .bool(try !evaluate(operand).isTrue)
    case .negative(let operand): try negated(try evaluate(operand))
    case .positive(let operand): try identity(try evaluate(operand))
    case .conditional(let base, let links): try conditional(base, links)
    case .postfix(let base, let chain): try postfix(base, chain)
    }
  }

  private func evaluate(_ expressions: [Expression]) throws(TemplateError) -> [JinjaValue] {
    var values: [JinjaValue] = []
    values.reserveCapacity(expressions.count)
    for expression in expressions { values.append(try evaluate(expression)) }
    return values
  }

  private func dictionary(_ items: [(key: Expression, value: Expression)]) throws(TemplateError) -> JinjaValue {
    var dictionary = JinjaDictionary()
    for (key, value) in items { try set(try evaluate(key), to: try evaluate(value), in: &dictionary) }
    return .dictionary(dictionary)
  }

  private func arithmetic(
    _ first: Expression, _ rest: [(operation: ArithmeticOperator, operand: Expression)]
  ) throws(TemplateError) -> JinjaValue {
    var result = try evaluate(first)
    for (operation, operand) in rest { result = try apply(operation, result, try evaluate(operand)) }
    return result
  }

  private func concatenation(_ operands: [Expression]) throws(TemplateError) -> JinjaValue {
    var result = BoundedText(budget)
    for value in try evaluate(operands) { try result.append(try text(of: value)) }
    return .string(result.text)
  }

  private func comparison(
    _ first: Expression, _ rest: [(operation: ComparisonOperator, operand: Expression)]
  ) throws(TemplateError) -> JinjaValue {
    var left = try evaluate(first)
    for (operation, operand) in rest {
      let right = try evaluate(operand)
      guard try compare(operation, left, right) else { return .bool(false) }
      left = right
    }
    return .bool(true)
  }

  func compare(_ operation: ComparisonOperator, _ left: JinjaValue, _ right: JinjaValue) throws(TemplateError) -> Bool {
    switch operation {
    case .equal: try budget.isEqual(left, right)
    case .notEqual: try !budget.isEqual(left, right)
    case .isIn: try contains(right, left)
    case .isNotIn: try !contains(right, left)
    default: try budget.isOrdered(left, right, operation)
    }
  }

  /// The first operand that decides, or the last: `and` and `or` give operands, not truth values.
  private func firstOperand(of operands: [Expression], whereTruthIs decisive: Bool) throws(TemplateError) -> JinjaValue
  {
    var value = JinjaValue.none
    for operand in operands {
      value = try evaluate(operand)
      if value.isTrue == decisive { break }
    }
    return value
  }

  private func conditional(
    _ base: Expression, _ links: [(condition: Expression, otherwise: Expression?)]
  ) throws(TemplateError) -> JinjaValue {
    for (condition, otherwise) in links.reversed() where try !evaluate(condition).isTrue {
      guard let otherwise else {
        return .undefined("the inline if-expression evaluated to false and no else section was defined.")
      }
      return try evaluate(otherwise)
    }
    return try evaluate(base)
  }

  private func postfix(_ base: Expression, _ chain: [Postfix]) throws(TemplateError) -> JinjaValue {
    var value = try evaluate(base)
    for link in chain {
      try budget.step()
      value = try apply(link, to: value)
    }
    return value
  }

  private func apply(_ link: Postfix, to value: JinjaValue) throws(TemplateError) -> JinjaValue {
    switch link {
    case .attribute(let name): return try attribute(name, of: value)
    case .element(let index): return try element(try evaluate(index), of: value)
    case .slice(let start, let stop, let step): return try slice(value, start, stop, step)
    case .call(let list, let line):
      let arguments = try evaluate(list)
      self.line = line
      return try call(value, arguments)
    case .filter(let filter): return try apply(filter, to: value)
    case .test(let test, let isNegated):
      return .bool(try check(test: test.name, on: value, try evaluate(test.arguments)) != isNegated)
    }
  }
}
