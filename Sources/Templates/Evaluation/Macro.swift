/// A macro as a value, or the `caller` of a call block: a body with the scope it was written in.
final class Macro: JinjaObject, @unchecked Sendable {
  let definition: MacroDefinition
  let scope: Scope

  init(_ definition: MacroDefinition, scope: Scope) {
    self.definition = definition
    self.scope = scope
    // What its scope holds is freed by the evaluator, not through the macro.
    super.init(depth: 0)
  }

  override var typeName: String { "Macro" }
  override var isCallable: Bool { true }

  override func attribute(_ name: String) -> JinjaValue? {
    switch name {
    case "name": .string(definition.name)
    case "arguments": .tuple(JinjaArray(definition.parameters.map { .string($0.name) }))
    case "catch_kwargs": .bool(definition.mentions.contains(.keywordArguments))
    case "catch_varargs": .bool(definition.mentions.contains(.variableArguments))
    case "caller": .bool(definition.mentions.contains(.caller))
    default: nil
    }
  }

  override func description(_ writer: inout RepresentationWriter) throws(TemplateError) {
    try writer.output.append("<Macro '\(definition.name)'>")
  }

  override func call(_ evaluator: Evaluator, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    try evaluator.enter()
    let line = evaluator.line
    let text = try evaluator.captured { () throws(TemplateError) in
      let inner = Scope(parent: scope)
      try evaluator.inScope(inner) { () throws(TemplateError) in
        try bind(arguments, in: inner, evaluator)
        _ = try evaluator.execute(definition.body)
      }
    }
    evaluator.line = line
    evaluator.leave()
    return .string(text)
  }

  /// Gives the parameters their values; defaults are evaluated here, and see the parameters before them.
  private func bind(_ arguments: Arguments, in inner: Scope, _ evaluator: Evaluator) throws(TemplateError) {
    var named = arguments.named
    for (position, parameter) in definition.parameters.enumerated() {
      if position < arguments.positional.count {
        inner.set(parameter.name, to: arguments.positional[position])
      } else if let given = named.firstIndex(where: { $0.name == parameter.name }) {
        inner.set(parameter.name, to: named.remove(at: given).value)
      } else if let defaultValue = parameter.defaultValue {
        inner.set(parameter.name, to: try evaluator.evaluate(defaultValue))
      } else {
        inner.set(parameter.name, to: .undefined("parameter '\(parameter.name)' was not provided"))
      }
    }
    try bindSpecialNames(arguments, &named, in: inner, evaluator)
  }

  private func bindSpecialNames(
    _ arguments: Arguments, _ named: inout [(name: String, value: JinjaValue)], in inner: Scope, _ evaluator: Evaluator
  ) throws(TemplateError) {
    let parameters = definition.parameters
    if definition.mentions.contains(.caller), !parameters.contains(where: { $0.name == "caller" }) {
      let given = named.firstIndex { $0.name == "caller" }
      inner.set("caller", to: given.map { named.remove(at: $0).value } ?? .undefined("No caller defined"))
    }
    if definition.mentions.contains(.keywordArguments) {
      var rest = JinjaDictionary()
      for (name, value) in named { try evaluator.set(.string(name), to: value, in: &rest) }
      inner.set("kwargs", to: .dictionary(rest))
    } else if let unknown = named.first {
      throw .type("macro '\(definition.name)' takes no keyword argument '\(unknown.name)'")
    }
    let surplus = arguments.positional.dropFirst(parameters.count)
    if definition.mentions.contains(.variableArguments) {
      inner.set("varargs", to: try evaluator.budget.tuple(Array(surplus)))
    } else if !surplus.isEmpty {
      throw .type("macro '\(definition.name)' takes not more than \(parameters.count) argument(s)")
    }
  }
}
