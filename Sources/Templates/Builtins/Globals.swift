/// The functions that every template sees.
enum Globals {
  static let functions: [String: JinjaValue] = {
    var functions: [String: JinjaValue] = [:]
    for (name, body) in bodies { functions[name] = .object(Function(name, body)) }
    return functions
  }()

  private static var bodies: [(String, Function.Body)] {
    [
      ("range", range), ("dict", dictionary), ("namespace", namespace), ("cycler", cycler), ("joiner", joiner),
      ("raise_exception", raise), ("strftime_now", now),
    ]
  }

  private static func range(_ evaluator: Evaluator, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    let bound = try arguments.bound(to: "start", "stop", "step", of: "range")
    guard let first = try bound.integer(0) else { throw .type("range expected at least 1 argument, got 0") }
    let stop = try bound.integer(1)
    return .object(
      try RangeObject(start: stop == nil ? 0 : first, stop: stop ?? first, step: try bound.integer(2) ?? 1))
  }

  private static func dictionary(_ evaluator: Evaluator, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    .dictionary(try merged(evaluator, arguments, of: "dict"))
  }

  private static func namespace(_ evaluator: Evaluator, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    try evaluator.makeNamespace(try merged(evaluator, arguments, of: "namespace"))
  }

  /// What `dict` makes of its arguments: a mapping or pairs, then names.
  private static func merged(
    _ evaluator: Evaluator, _ arguments: Arguments, of function: String
  ) throws(TemplateError) -> JinjaDictionary {
    guard arguments.positional.count <= 1 else { throw .type("\(function) expected at most 1 argument") }
    var result = JinjaDictionary()
    switch arguments.positional.first {
    case nil: break
    case .dictionary(let base):
      try evaluator.budget.allocate(base.count, times: MemoryLayout<JinjaDictionary.Entry>.stride)
      result = base
    case .some(let pairs):
      for pair in try evaluator.elements(of: pairs) {
        let parts = try evaluator.elements(of: pair)
        guard parts.count == 2 else { throw .value("dictionary update sequence needs pairs") }
        try evaluator.set(parts[0], to: parts[1], in: &result)
      }
    }
    for (name, value) in arguments.named { try evaluator.set(.string(name), to: value, in: &result) }
    return result
  }

  private static func cycler(_ evaluator: Evaluator, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    .object(try Cycler(try evaluator.budget.sequence(arguments.positional)))
  }

  private static func joiner(_ evaluator: Evaluator, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    .object(Joiner(try arguments.bound(to: "sep", of: "joiner")[0] ?? .string(", ")))
  }

  private static func raise(_ evaluator: Evaluator, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    let message = try arguments.bound(to: "message", of: "raise_exception").required(0)
    throw TemplateError(.raised, try evaluator.text(of: message))
  }

  private static func now(_ evaluator: Evaluator, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    let format = try arguments.bound(to: "format", of: "strftime_now").requiredText(0)
    try evaluator.budget.examine(format)
    guard let text = evaluator.clock.formatted(format) else { throw .limit("a time is longer than 1000 bytes") }
    return .string(text)
  }
}
