// Running statements.
extension Evaluator {
  /// How a run of statements ended.
  enum Flow { case next, breakLoop, continueLoop }

  /// Runs `body` in the current scope.
  func execute(_ body: [Statement]) throws(TemplateError) -> Flow {
    try enter()
    for statement in body {
      try budget.step()
      let flow = try execute(statement)
      if flow != .next {
        leave()
        return flow
      }
    }
    leave()
    return .next
  }

  /// Runs `body` in a scope of its own.
  func executeInScope(_ body: [Statement]) throws(TemplateError) -> Flow {
    try inScope(Scope(parent: scope)) { () throws(TemplateError) in try execute(body) }
  }

  private func execute(_ statement: Statement) throws(TemplateError) -> Flow {
    switch statement {
    case .text(let text): try output.append(text)
    case .print(let value, let line):
      self.line = line
      try output.append(try text(of: try evaluate(value)))
    case .condition(let branches, let otherwise): return try choose(branches, otherwise)
    case .loop(let loop):
      line = loop.line
      try iterate(loop, over: try elements(of: try evaluate(loop.sequence)), level: 0)
    case .assignment(let target, let value, let line):
      self.line = line
      try assign(try evaluate(value), to: target)
    case .capture(let target, let filters, let body, let line): try capture(body, filters, into: target, line)
    case .macro(let definition):
      let macro = try makeMacro(definition)
      scope.set(definition.name, to: .object(macro))
    case .call(let block): try call(block)
    case .filter(let filters, let body, let line):
      let text = try captured { () throws(TemplateError) in _ = try executeInScope(body) }
      self.line = line
      try output.append(try self.text(of: try apply(filters, to: .string(text))))
    case .with(let bindings, let body, let line): return try with(bindings, body, line)
    case .scope(let body): return try executeInScope(body)
    case .load(let tag, let line):
      self.line = line
      throw TemplateError(.security, "'\(tag)' would load another template, which a chat template cannot")
    case .breakLoop: return .breakLoop
    case .continueLoop: return .continueLoop
    }
    return .next
  }

  private func choose(_ branches: [Branch], _ otherwise: [Statement]) throws(TemplateError) -> Flow {
    for branch in branches {
      line = branch.line
      if try evaluate(branch.condition).isTrue { return try execute(branch.body) }
    }
    return try execute(otherwise)
  }

  private func capture(
    _ body: [Statement], _ filters: [NamedCall], into target: Target, _ line: Int
  ) throws(TemplateError) {
    let text = try captured { () throws(TemplateError) in _ = try executeInScope(body) }
    self.line = line
    try assign(try apply(filters, to: .string(text)), to: target)
  }

  private func with(
    _ bindings: [(target: Target, value: Expression)], _ body: [Statement], _ line: Int
  ) throws(TemplateError) -> Flow {
    self.line = line
    // All values are computed before the first name is bound.
    var values: [JinjaValue] = []
    for binding in bindings { values.append(try evaluate(binding.value)) }
    return try inScope(Scope(parent: scope)) { () throws(TemplateError) in
      for (binding, value) in zip(bindings, values) { try assign(value, to: binding.target) }
      return try execute(body)
    }
  }

  /// Sets a variable of the current scope, an attribute of a namespace, or several at once.
  func assign(_ value: JinjaValue, to target: Target) throws(TemplateError) {
    try budget.check(depth: value.depth)
    switch target {
    case .name(let name): scope.set(name, to: value)
    case .attribute(let owner, let name):
      guard case .object(let namespace as Namespace) = scope.value(of: owner) else {
        throw TemplateError(.runtime, "cannot assign attribute on non-namespace object")
      }
      try budget.allocate(MemoryLayout<JinjaDictionary.Entry>.stride)
      namespace.set(name, to: value)
    case .tuple(let targets):
      if case .undefined(let undefined) = value { throw undefined.error }
      let values = try elements(of: value)
      guard values.count == targets.count else {
        throw .value(
          values.count > targets.count
            ? "too many values to unpack (expected \(targets.count))"
            : "not enough values to unpack (expected \(targets.count), got \(values.count))")
      }
      for (target, value) in zip(targets, values) { try assign(value, to: target) }
    }
  }

  /// Runs one `for` over `items`.
  ///
  /// - Parameter level: how many calls of `loop(…)` this is inside of.
  func iterate(_ loop: Loop, over items: JinjaArray, level: Int) throws(TemplateError) {
    let outer = scope
    let context = LoopContext(loop, items, level: level, scope: outer, evaluator: self)
    defer { context.finish() }
    guard try context.advance() else {
      _ = try executeInScope(loop.otherwise)
      return
    }
    repeat {
      // A round costs a scope and an assignment, whatever its body does.
      try budget.step(4)
      let inner = Scope(parent: outer)
      inner.set("loop", to: .object(context))
      scope = inner
      try assign(context.current, to: loop.target)
      if try execute(loop.body) == .breakLoop { break }
    } while try context.advance()
    scope = outer
  }
}
