// What follows an operand: attributes, subscripts, calls, filters and tests.
extension Parser {
  /// `operand` with all that follows it.
  mutating func postfixed(_ operand: Expression, allowsFilters: Bool) throws(TemplateError) -> Expression {
    var chain: [Postfix] = []
    // After the first filter or test only filters, tests and calls may follow.
    var isFiltered = false
    while true {
      let line = line
      if !isFiltered, skip(.dot) {
        chain.append(try attribute())
      } else if !isFiltered, skip(.openBracket) {
        chain.append(try element())
      } else if isAt(.openParenthesis) {
        chain.append(.call(try arguments(), line: line))
      } else if allowsFilters, isAt(.pipe) {
        isFiltered = true
        advance()
        chain.append(.filter(try filterCall()))
      } else if allowsFilters, skip(name: "is") {
        isFiltered = true
        chain.append(try test())
      } else {
        return chain.isEmpty ? operand : .postfix(operand, chain)
      }
    }
  }

  private mutating func attribute() throws(TemplateError) -> Postfix {
    switch current.kind {
    case .name(let name):
      advance()
      return .attribute(name)
    case .integer(let index):
      advance()
      return .element(.literal(.int(index)))
    default: throw failure("expected name or number")
    }
  }

  /// After `[`: an index or a slice.
  private mutating func element() throws(TemplateError) -> Postfix {
    var parts: [Expression?] = []
    var isSlice = false
    repeat {
      let isOmitted = isAt(.colon) || isAt(.closeBracket)
      parts.append(isOmitted ? nil : try expression())
      if isAt(.colon) { isSlice = true }
    } while parts.count < 3 && skip(.colon)
    if !isSlice, case .some(.some(let first)) = parts.first {
      guard isAt(.comma) else {
        try expect(.closeBracket)
        return .element(first)
      }
      var items = [first]
      while skip(.comma), !isAt(.closeBracket) { items.append(try expression()) }
      try expect(.closeBracket)
      return .element(.tuple(items))
    }
    guard isSlice else { throw failure("expected an index") }
    try expect(.closeBracket)
    parts += [nil, nil]
    return .slice(start: parts[0], stop: parts[1], step: parts[2])
  }

  /// `(a, b, name=c, *rest, **options)`.
  mutating func arguments() throws(TemplateError) -> ArgumentList {
    try expect(.openParenthesis)
    var list = ArgumentList()
    var isFirst = true
    while !isAt(.closeParenthesis) {
      if !isFirst {
        try expect(.comma)
        if isAt(.closeParenthesis) { break }
      }
      isFirst = false
      try argument(into: &list)
    }
    try expect(.closeParenthesis)
    return list
  }

  private mutating func argument(into list: inout ArgumentList) throws(TemplateError) {
    let isLast = list.spreadNamed != nil
    if skip(.times) {
      guard list.spreadPositional == nil, !isLast else { throw invalidCall() }
      list.spreadPositional = try expression()
    } else if skip(.power) {
      guard !isLast else { throw invalidCall() }
      list.spreadNamed = try expression()
    } else if case .name(let name) = current.kind, next.kind == .mark(.assign) {
      guard !isLast else { throw invalidCall() }
      advance()
      advance()
      list.named.append((name, try expression()))
    } else {
      guard list.spreadPositional == nil, !isLast, list.named.isEmpty else { throw invalidCall() }
      list.positional.append(try expression())
    }
  }

  private func invalidCall() -> TemplateError { failure("invalid syntax for function call expression") }

  /// The name and arguments of a filter, after its `|`.
  mutating func filterCall() throws(TemplateError) -> NamedCall {
    let line = line
    let name = try dottedName()
    note("filter", name, isKnown: Filters.isKnown(name))
    return NamedCall(
      name: name, arguments: isAt(.openParenthesis) ? try arguments() : ArgumentList(), line: line)
  }

  /// After `is`.
  private mutating func test() throws(TemplateError) -> Postfix {
    let isNegated = skip(name: "not")
    let line = line
    let name = try dottedName()
    note("test", name, isKnown: Tests.isKnown(name))
    var list = ArgumentList()
    if isAt(.openParenthesis) {
      list = try arguments()
    } else if try startsTestArgument() {
      list.positional = [try postfixed(try primary(), allowsFilters: false)]
    }
    return .test(NamedCall(name: name, arguments: list, line: line), isNegated: isNegated)
  }

  /// Whether what follows a test's name is its one argument, written without parentheses.
  private func startsTestArgument() throws(TemplateError) -> Bool {
    switch current.kind {
    case .name("is"): throw failure("You cannot chain multiple tests with is")
    case .name(let name): !["else", "or", "and"].contains(name)
    case .string, .integer, .float, .mark(.openBracket), .mark(.openBrace): true
    default: false
    }
  }

  private mutating func dottedName() throws(TemplateError) -> String {
    var name = try expectName()
    while skip(.dot) { name += "." + (try expectName()) }
    return name
  }
}
