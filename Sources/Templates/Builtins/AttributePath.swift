/// What an argument `attribute` names: a key or index, or several with dots between, followed one after the other.
struct AttributePath {
  private let parts: [JinjaValue]
  /// What stands in for a missing attribute.
  private let fallback: JinjaValue?

  /// - Parameter attribute: a text or an index; with none, every value leads to itself.
  init(_ attribute: JinjaValue?, fallback: JinjaValue? = nil, _ budget: Budget) throws(TemplateError) {
    switch attribute {
    case nil, .some(.none): parts = []
    case .string(let text), .markup(let text):
      let names = try StringMethods.split(text, at: ".", limit: -1, backwards: false, budget)
      try budget.allocate(elements: names.count)
      parts = names.map { name in
        let isIndex = name.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return (isIndex ? Int(name) : nil).map { .int($0) } ?? .string(name)
      }
    case .some(let index): parts = [index]
    }
    if case .some(.none) = fallback { self.fallback = nil } else { self.fallback = fallback }
  }

  /// What the path leads to from `value`.
  func value(in value: JinjaValue, _ evaluator: Evaluator) throws(TemplateError) -> JinjaValue {
    var value = value
    for part in parts {
      value = try evaluator.element(part, of: value)
      if value.isUndefined, let fallback { value = fallback }
    }
    return value
  }

  /// As `value(in:)`, with texts in lower case unless `isCaseSensitive`: the key by which filters sort and group.
  func key(
    of value: JinjaValue, isCaseSensitive: Bool, _ evaluator: Evaluator
  ) throws(TemplateError) -> JinjaValue {
    try evaluator.budget.step()
    let value = try self.value(in: value, evaluator)
    guard !isCaseSensitive, let text = value.text else { return value }
    try evaluator.budget.study(text)
    return .string(text.lowercase)
  }
}
