// Calling functions, macros, filters and tests.
extension Evaluator {
  /// The arguments of a call, from left to right.
  func evaluate(_ list: ArgumentList) throws(TemplateError) -> Arguments {
    var arguments = Arguments()
    for expression in list.positional { arguments.positional.append(try evaluate(expression)) }
    if let rest = list.spreadPositional {
      let elements = try elements(of: try evaluate(rest))
      try budget.allocate(elements: elements.count)
      arguments.positional += elements
    }
    for (name, expression) in list.named { arguments.named.append((name, try evaluate(expression))) }
    if let options = list.spreadNamed {
      guard case .dictionary(let dictionary) = try evaluate(options) else {
        throw .type("argument after ** must be a mapping")
      }
      try budget.allocate(elements: dictionary.count)
      for entry in dictionary.entries {
        guard let name = entry.key.text else { throw .type("keywords must be strings") }
        arguments.named.append((name, entry.value))
      }
    }
    return arguments
  }

  func call(_ callee: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    switch callee {
    case .undefined(let undefined): throw undefined.error
    case .object(let object): return try object.call(self, arguments)
    default: throw .type("'\(callee.typeName)' object is not callable")
    }
  }

  /// A macro that keeps the current scope.
  func makeMacro(_ definition: MacroDefinition) throws(TemplateError) -> Macro {
    let scope = scope
    try registerCycle { scope.removeAll() }
    return Macro(definition, scope: scope)
  }

  /// A namespace, freed at the end of the rendering.
  func makeNamespace(_ attributes: JinjaDictionary) throws(TemplateError) -> JinjaValue {
    let namespace = Namespace(attributes)
    try registerCycle { namespace.removeAll() }
    return .object(namespace)
  }

  /// Runs `{% call %}`: the macro gets the block's body as `caller`.
  func call(_ block: CallBlock) throws(TemplateError) {
    line = block.line
    guard case .postfix(let base, var chain) = block.call, case .call(let list, _)? = chain.popLast() else { return }
    let callee = try evaluate(chain.isEmpty ? base : .postfix(base, chain))
    var arguments = try evaluate(list)
    arguments.named.append(("caller", .object(try makeMacro(block.caller))))
    try output.append(try text(of: try call(callee, arguments)))
  }

  /// `value` through one filter after the other.
  func apply(_ filters: [NamedCall], to value: JinjaValue) throws(TemplateError) -> JinjaValue {
    var result = value
    for filter in filters { result = try apply(filter, to: result) }
    return result
  }

  func apply(_ filter: NamedCall, to value: JinjaValue) throws(TemplateError) -> JinjaValue {
    try apply(filter: filter.name, to: value, try evaluate(filter.arguments))
  }

  /// A filter by name, as `map` needs it.
  func apply(filter name: String, to value: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    guard let filter = Filters.named(name) else { throw TemplateError(.runtime, "No filter named '\(name)' found.") }
    try budget.step()
    return try filter(self, value, arguments)
  }

  /// A test by name, as `select` needs it.
  func check(test name: String, on value: JinjaValue, _ arguments: Arguments) throws(TemplateError) -> Bool {
    guard let test = Tests.named(name) else { throw TemplateError(.runtime, "No test named '\(name)' found.") }
    try budget.step()
    return try test(self, value, arguments)
  }
}
