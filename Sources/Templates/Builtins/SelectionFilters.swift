/// Filters that apply a filter or a test to every element. All give one-shot iterators.
enum SelectionFilters {
  static let table: [String: Filters.Filter] = [
    "map": map,
    "select": { (evaluator, value, arguments) throws(TemplateError) in
      try select(evaluator, value, arguments, keeps: true)
    },
    "reject": { (evaluator, value, arguments) throws(TemplateError) in
      try select(evaluator, value, arguments, keeps: false)
    },
    "selectattr": { (evaluator, value, arguments) throws(TemplateError) in
      try selectByAttribute(evaluator, value, arguments, keeps: true)
    },
    "rejectattr": { (evaluator, value, arguments) throws(TemplateError) in
      try selectByAttribute(evaluator, value, arguments, keeps: false)
    },
  ]

  /// `map("filter", …)` or `map(attribute="name", default=…)`.
  private static func map(
    _ evaluator: Evaluator, _ value: JinjaValue, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    var result: [JinjaValue] = []
    var rest = arguments
    // Anything that counts as false, none included, gives nothing.
    guard value.isTrue else { return .object(OneShotIterator([])) }
    if arguments.positional.isEmpty, arguments.named.contains(where: { $0.name == "attribute" }) {
      let bound = try arguments.bound(to: "attribute", "default", of: "map")
      let path = try AttributePath(bound[0], fallback: bound[1], evaluator.budget)
      for item in try evaluator.elements(of: value) {
        try evaluator.budget.step()
        result.append(try path.value(in: item, evaluator))
      }
    } else {
      guard let name = rest.positional.first?.text else { throw .value("map requires a filter argument") }
      rest.positional.removeFirst()
      for item in try evaluator.elements(of: value) {
        result.append(try evaluator.apply(filter: name, to: item, rest))
      }
    }
    return .object(OneShotIterator(try evaluator.budget.sequence(result)))
  }

  private static func select(
    _ evaluator: Evaluator, _ value: JinjaValue, _ arguments: Arguments, keeps: Bool, by path: AttributePath? = nil
  ) throws(TemplateError) -> JinjaValue {
    var arguments = arguments
    var test: String?
    if let name = arguments.positional.first {
      guard let text = name.text else { throw .type("the name of a test must be a string") }
      test = text
      arguments.positional.removeFirst()
    }
    var result: [JinjaValue] = []
    guard value.isTrue else { return .object(OneShotIterator([])) }
    for item in try evaluator.elements(of: value) {
      try evaluator.budget.step()
      let subject = try path?.value(in: item, evaluator) ?? item
      let isSelected = if let test { try evaluator.check(test: test, on: subject, arguments) } else { subject.isTrue }
      if isSelected == keeps { result.append(item) }
    }
    return .object(OneShotIterator(try evaluator.budget.sequence(result)))
  }

  private static func selectByAttribute(
    _ evaluator: Evaluator, _ value: JinjaValue, _ arguments: Arguments, keeps: Bool
  ) throws(TemplateError) -> JinjaValue {
    var arguments = arguments
    guard let attribute = arguments.positional.first else { throw .value("Missing parameter for attribute name") }
    arguments.positional.removeFirst()
    return try select(evaluator, value, arguments, keeps: keeps, by: try AttributePath(attribute, evaluator.budget))
  }
}
