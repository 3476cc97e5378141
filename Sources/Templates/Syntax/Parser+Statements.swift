// Statements: one function per tag.
extension Parser {
  /// Statements up to one of the tags `ends`, at whose name it stops; up to the end of the template if there are none.
  mutating func statements(until ends: [String], of tag: String) throws(TemplateError) -> [Statement] {
    try enter()
    defer { leave() }
    var body: [Statement] = []
    while true {
      switch current.kind {
      case .data(let text):
        advance()
        body.append(.text(text))
      case .variableBegin:
        let line = line
        advance()
        let value = try tuple()
        try expect(.variableEnd)
        body.append(.print(value, line: line))
      case .blockBegin:
        advance()
        if case .name(let name) = current.kind, ends.contains(name) { return body }
        body.append(try statement())
        try expect(.blockEnd)
      default:
        guard ends.isEmpty else { throw unclosed(tag, ends) }
        return body
      }
      if let unknownName { throw unknownName }
    }
  }

  /// The body of a block: from the end of its opening tag to past the name of its closing tag.
  mutating func body(until end: String, of tag: String) throws(TemplateError) -> [Statement] {
    try closeTag()
    let body = try statements(until: [end], of: tag)
    advance()
    return body
  }

  private mutating func closeTag() throws(TemplateError) {
    _ = skip(.colon)
    try expect(.blockEnd)
    if let unknownName { throw unknownName }
  }

  private func unclosed(_ tag: String, _ ends: [String]) -> TemplateError {
    let wanted = ends.map { "'\($0)'" }.joined(separator: " or ")
    return failure(
      "Unexpected end of template. Jinja was looking for the following tags: \(wanted). "
        + "The innermost block that needs to be closed is '\(tag)'.")
  }

  private mutating func statement() throws(TemplateError) -> Statement {
    let line = line
    guard case .name(let tag) = current.kind else {
      throw current.kind == .end ? unexpected(wanted: "end of statement block") : failure("tag name expected")
    }
    advance()
    switch tag {
    case "if": return try condition()
    case "for": return try loop(line)
    case "set": return try assignment(line)
    case "macro": return .macro(try macro(named: try expectName(), until: "endmacro", tag: tag, line))
    case "call": return try callBlock(line)
    case "filter":
      let filters = try filterChain(first: try filterCall())
      return .filter(
        filters,
        body: try hardened { (parser) throws(TemplateError) in
          try parser.body(until: "endfilter", of: tag)
        }, line: line)
    case "with": return try with(line)
    case "generation":
      return .scope(
        try hardened { (parser) throws(TemplateError) in
          try parser.body(until: "endgeneration", of: tag)
        })
    case "block":
      let name = try expectName()
      let content = try hardened { (parser) throws(TemplateError) in try parser.body(until: "endblock", of: tag) }
      _ = skip(name: name)
      return .scope(content)
    case "break", "continue":
      guard isInLoop else { throw failure("'\(tag)' outside loop") }
      return tag == "break" ? .breakLoop : .continueLoop
    case "include", "import", "from", "extends":
      while current.kind != .blockEnd, current.kind != .end { advance() }
      return .load(tag: tag, line: line)
    default: throw .syntax("Encountered unknown tag '\(tag)'.", line: line)
    }
  }

  /// Parses code that runs whenever the block around it does, as far as unknown filters are concerned.
  private mutating func hardened<T>(
    isInLoop: Bool? = nil, _ parse: (inout Parser) throws(TemplateError) -> T
  ) throws(TemplateError) -> T {
    let before = (isConditional, self.isInLoop)
    isConditional = false
    self.isInLoop = isInLoop ?? self.isInLoop
    defer { (isConditional, self.isInLoop) = before }
    return try parse(&self)
  }

  private mutating func condition() throws(TemplateError) -> Statement {
    let wasConditional = isConditional
    isConditional = true
    defer { isConditional = wasConditional }
    var branches: [Branch] = []
    while true {
      let line = line
      let condition = try tuple(allowsConditional: false)
      try closeTag()
      let body = try statements(until: ["elif", "else", "endif"], of: "if")
      branches.append(Branch(condition: condition, body: body, line: line))
      if skip(name: "elif") { continue }
      if skip(name: "else") { return .condition(branches, otherwise: try self.body(until: "endif", of: "if")) }
      advance()
      return .condition(branches, otherwise: [])
    }
  }

  private mutating func loop(_ line: Int) throws(TemplateError) -> Statement {
    let target = try target()
    if case .name("loop") = target { throw failure("Can't assign to special loop variable in for-loop target") }
    guard skip(name: "in") else { throw unexpected(wanted: "in") }
    let sequence = try tuple(allowsConditional: false)
    let condition = skip(name: "if") ? try expression() : nil
    let isRecursive = skip(name: "recursive")
    try closeTag()
    let body = try hardened(isInLoop: true) { (parser) throws(TemplateError) in
      try parser.statements(until: ["endfor", "else"], of: "for")
    }
    let otherwise =
      skip(name: "else")
      ? try hardened { (parser) throws(TemplateError) in try parser.body(until: "endfor", of: "for") } : []
    _ = skip(name: "endfor")
    return .loop(
      Loop(
        target: target, sequence: sequence, condition: condition, isRecursive: isRecursive, body: body,
        otherwise: otherwise, line: line))
  }

  private mutating func assignment(_ line: Int) throws(TemplateError) -> Statement {
    let target = try target()
    if skip(.assign) { return .assignment(target, try tuple(), line: line) }
    let filters = skip(.pipe) ? try filterChain(first: try filterCall()) : []
    let body = try hardened { (parser) throws(TemplateError) in try parser.body(until: "endset", of: "set") }
    return .capture(target, filters: filters, body: body, line: line)
  }

  private mutating func filterChain(first: NamedCall) throws(TemplateError) -> [NamedCall] {
    var filters = [first]
    while skip(.pipe) { filters.append(try filterCall()) }
    return filters
  }

  private mutating func with(_ line: Int) throws(TemplateError) -> Statement {
    var bindings: [(target: Target, value: Expression)] = []
    while current.kind != .blockEnd, current.kind != .end {
      if !bindings.isEmpty { try expect(.comma) }
      let target = try singleTarget()
      try expect(.assign)
      bindings.append((target, try expression()))
    }
    let body = try hardened { (parser) throws(TemplateError) in try parser.body(until: "endwith", of: "with") }
    return .with(bindings, body: body, line: line)
  }

  private mutating func callBlock(_ line: Int) throws(TemplateError) -> Statement {
    let parameters = isAt(.openParenthesis) ? try signature() : []
    let call = try expression()
    guard case .postfix(_, let chain) = call, case .call = chain.last else { throw failure("expected call") }
    let caller = try macro(named: "caller", parameters: parameters, until: "endcall", tag: "call", line)
    return .call(CallBlock(call: call, caller: caller, line: line))
  }

  private mutating func macro(
    named name: String, parameters: [(name: String, defaultValue: Expression?)]? = nil, until end: String, tag: String,
    _ line: Int
  ) throws(TemplateError) -> MacroDefinition {
    let outerMentions = mentions
    mentions = []
    // A macro inside a macro counts as part of its body.
    defer { mentions.formUnion(outerMentions) }
    let parameters = if let parameters { parameters } else { try signature() }
    let content = try hardened(isInLoop: false) { (parser) throws(TemplateError) in
      try parser.body(until: end, of: tag)
    }
    return MacroDefinition(name: name, parameters: parameters, body: content, mentions: mentions, line: line)
  }

  /// `(a, b=default)`.
  private mutating func signature() throws(TemplateError) -> [(name: String, defaultValue: Expression?)] {
    try expect(.openParenthesis)
    var parameters: [(name: String, defaultValue: Expression?)] = []
    while !isAt(.closeParenthesis) {
      if !parameters.isEmpty { try expect(.comma) }
      let name = try expectName()
      let defaultValue = skip(.assign) ? try expression() : nil
      if defaultValue == nil, parameters.last?.defaultValue != nil {
        throw failure("non-default argument follows default argument")
      }
      parameters.append((name, defaultValue))
    }
    try expect(.closeParenthesis)
    return parameters
  }

  /// What is assigned to: one target, or several with commas between.
  private mutating func target() throws(TemplateError) -> Target {
    let first = try singleTarget()
    guard isAt(.comma) else { return first }
    var targets = [first]
    while skip(.comma), !isAt(name: "in") { targets.append(try singleTarget()) }
    return .tuple(targets)
  }

  private mutating func singleTarget() throws(TemplateError) -> Target {
    if skip(.openParenthesis) {
      try enter()
      defer { leave() }
      let inner = try target()
      try expect(.closeParenthesis)
      return inner
    }
    let name = try expectName()
    guard !["true", "false", "none", "True", "False", "None"].contains(name) else {
      throw failure("can't assign to 'const'")
    }
    guard skip(.dot) else { return .name(name) }
    let attribute = try expectName()
    guard !attribute.utf8.starts(with: "__".utf8) else {
      throw TemplateError(.security, "attribute '\(attribute)' of a namespace cannot be set", line: line)
    }
    return .attribute(of: name, name: attribute)
  }
}
