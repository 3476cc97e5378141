// Expressions, in jinja2's order of precedence: conditional, or, and, not, comparison, additive, `~`, multiplicative,
// power, sign, postfix. (`-2 ** 2` is 4, unlike in Python.)
extension Parser {
  /// An expression; `a, b` is none.
  mutating func expression() throws(TemplateError) -> Expression {
    try enter()
    defer { leave() }
    let unknownBefore = unknownName
    let base = try disjunction()
    guard isAt(name: "if") else { return base }
    // All three parts of a conditional count as code that may never run.
    unknownName = unknownBefore
    let wasConditional = isConditional
    isConditional = true
    defer { isConditional = wasConditional }
    var links: [(condition: Expression, otherwise: Expression?)] = []
    while skip(name: "if") {
      let condition = try disjunction()
      links.append((condition, skip(name: "else") ? try expression() : nil))
    }
    return .conditional(base, links)
  }

  /// An expression, or several with commas between: a tuple.
  ///
  /// - Parameters:
  ///   - allowsConditional: whether `if` belongs to the expression, and not to the statement around it.
  ///   - isParenthesized: whether nothing at all is the empty tuple.
  mutating func tuple(
    allowsConditional: Bool = true, isParenthesized: Bool = false
  ) throws(TemplateError) -> Expression {
    var items: [Expression] = []
    var isTuple = false
    while !isAtEndOfTuple {
      items.append(allowsConditional ? try expression() : try disjunction())
      guard skip(.comma) else { break }
      isTuple = true
    }
    if !isTuple, let item = items.first { return item }
    guard isTuple || isParenthesized else {
      throw current.kind == .end
        ? unexpected(wanted: "end of print statement") : failure("Expected an expression, got '\(current.description)'")
    }
    return .tuple(items)
  }

  private var isAtEndOfTuple: Bool {
    switch current.kind {
    case .variableEnd, .blockEnd, .mark(.closeParenthesis), .name("recursive"): true
    default: false
    }
  }

  private mutating func disjunction() throws(TemplateError) -> Expression {
    var operands = [try conjunction()]
    while skip(name: "or") { operands.append(try conjunction()) }
    return operands.count == 1 ? operands[0] : .or(operands)
  }

  private mutating func conjunction() throws(TemplateError) -> Expression {
    var operands = [try negation()]
    while skip(name: "and") { operands.append(try negation()) }
    return operands.count == 1 ? operands[0] : .and(operands)
  }

  private mutating func negation() throws(TemplateError) -> Expression {
    guard skip(name: "not") else { return try comparison() }
    try enter()
    defer { leave() }
    return .not(try negation())
  }

  private mutating func comparison() throws(TemplateError) -> Expression {
    let first = try additive()
    var rest: [(operation: ComparisonOperator, operand: Expression)] = []
    while let operation = comparisonOperator() { rest.append((operation, try additive())) }
    return rest.isEmpty ? first : .comparison(first, rest)
  }

  private mutating func comparisonOperator() -> ComparisonOperator? {
    if case .mark(let mark) = current.kind, let operation = ComparisonOperator(rawValue: mark.rawValue) {
      advance()
      return operation
    }
    if skip(name: "in") { return .isIn }
    guard isAt(name: "not"), next.kind == .name("in") else { return nil }
    advance()
    advance()
    return .isNotIn
  }

  private mutating func additive() throws(TemplateError) -> Expression {
    let first = try concatenation()
    var rest: [(operation: ArithmeticOperator, operand: Expression)] = []
    while let operation = arithmeticOperator(among: [.plus, .minus]) { rest.append((operation, try concatenation())) }
    return rest.isEmpty ? first : .arithmetic(first, rest)
  }

  private mutating func concatenation() throws(TemplateError) -> Expression {
    var operands = [try multiplicative()]
    while skip(.tilde) { operands.append(try multiplicative()) }
    return operands.count == 1 ? operands[0] : .concatenation(operands)
  }

  private mutating func multiplicative() throws(TemplateError) -> Expression {
    let first = try power()
    var rest: [(operation: ArithmeticOperator, operand: Expression)] = []
    while let operation = arithmeticOperator(among: [.times, .divide, .floorDivide, .modulo]) {
      rest.append((operation, try power()))
    }
    return rest.isEmpty ? first : .arithmetic(first, rest)
  }

  private mutating func power() throws(TemplateError) -> Expression {
    let first = try signed(allowsFilters: true)
    var rest: [(operation: ArithmeticOperator, operand: Expression)] = []
    while skip(.power) { rest.append((.power, try signed(allowsFilters: true))) }
    return rest.isEmpty ? first : .arithmetic(first, rest)
  }

  private mutating func arithmeticOperator(among marks: [Token.Mark]) -> ArithmeticOperator? {
    guard case .mark(let mark) = current.kind, marks.contains(mark) else { return nil }
    advance()
    return ArithmeticOperator(rawValue: mark.rawValue)
  }

  private mutating func signed(allowsFilters: Bool) throws(TemplateError) -> Expression {
    let operand: Expression
    if isAt(.minus) || isAt(.plus) {
      let isNegative = isAt(.minus)
      advance()
      try enter()
      defer { leave() }
      let inner = try signed(allowsFilters: false)
      operand = isNegative ? .negative(inner) : .positive(inner)
    } else {
      operand = try primary()
    }
    return try postfixed(operand, allowsFilters: allowsFilters)
  }

  /// A name, a literal, or something in brackets.
  mutating func primary() throws(TemplateError) -> Expression {
    let token = current
    switch token.kind {
    case .name(let name):
      advance()
      mentions.formUnion(SpecialNames(name))
      return switch name {
      case "true", "True": .literal(.bool(true))
      case "false", "False": .literal(.bool(false))
      case "none", "None": .literal(.none)
      default: .name(name)
      }
    case .string(var text):
      advance()
      while case .string(let more) = current.kind {
        text += more
        advance()
      }
      return .literal(.string(text))
    case .integer(let number):
      advance()
      return .literal(.int(number))
    case .float(let number):
      advance()
      return .literal(.double(number))
    case .mark(.openParenthesis):
      advance()
      let content = try tuple(isParenthesized: true)
      try expect(.closeParenthesis)
      return content
    case .mark(.openBracket): return .array(try list(from: .openBracket, to: .closeBracket))
    case .mark(.openBrace): return try dictionary()
    case .end: throw unexpected(wanted: "end of print statement")
    default: throw failure("unexpected '\(token.description)'")
    }
  }

  /// Expressions between brackets, with commas between and perhaps one at the end.
  private mutating func list(from open: Token.Mark, to close: Token.Mark) throws(TemplateError) -> [Expression] {
    try expect(open)
    var items: [Expression] = []
    while !isAt(close) {
      if !items.isEmpty {
        try expect(.comma)
        if isAt(close) { break }
      }
      items.append(try expression())
    }
    try expect(close)
    return items
  }

  private mutating func dictionary() throws(TemplateError) -> Expression {
    try expect(.openBrace)
    var items: [(key: Expression, value: Expression)] = []
    while !isAt(.closeBrace) {
      if !items.isEmpty {
        try expect(.comma)
        if isAt(.closeBrace) { break }
      }
      let key = try expression()
      try expect(.colon)
      items.append((key, try expression()))
    }
    try expect(.closeBrace)
    return .dictionary(items)
  }
}
