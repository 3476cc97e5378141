/// Filters that put elements in order, or find the extremes of an order.
enum OrderFilters {
  static let table: [String: Filters.Filter] = [
    "sort": { (evaluator, value, arguments) throws(TemplateError) in
      let bound = try arguments.bound(to: "reverse", "case_sensitive", "attribute", of: "sort")
      let keyed = try keyed(
        try evaluator.elements(of: value), by: try paths(bound[2], evaluator.budget), bound.flag(1), evaluator)
      return try evaluator.budget.array(try sorted(keyed, isReversed: bound.flag(0), evaluator))
    },
    "dictsort": { (evaluator, value, arguments) throws(TemplateError) in
      let bound = try arguments.bound(to: "case_sensitive", "by", "reverse", of: "dictsort")
      let by = try bound.text(1) ?? "key"
      guard by == "key" || by == "value" else { throw .value("You can only sort by either \"key\" or \"value\"") }
      switch value {
      case .undefined(let undefined): throw undefined.error
      case .dictionary(let dictionary):
        let pairs = try DictionaryMethods.items(of: dictionary, evaluator.budget)
        let path = try AttributePath(.int(by == "key" ? 0 : 1), evaluator.budget)
        let keyed = try keyed(pairs, by: [path], bound.flag(0), evaluator)
        return try evaluator.budget.array(try sorted(keyed, isReversed: bound.flag(2), evaluator))
      default: throw TemplateError(.undefined, "'\(value.objectName)' has no attribute 'items'")
      }
    },
    "groupby": { (evaluator, value, arguments) throws(TemplateError) in
      let bound = try arguments.bound(to: "attribute", "default", "case_sensitive", of: "groupby")
      let path = try AttributePath(try bound.required(0), fallback: bound[1], evaluator.budget)
      let keyed = try keyed(try evaluator.elements(of: value), by: [path], bound.flag(2), evaluator)
      return try groups(keyed, path, evaluator)
    },
    "min": { (evaluator, value, arguments) throws(TemplateError) in
      try extreme("min", evaluator, value, arguments) { (new, best) throws(TemplateError) in
        try evaluator.budget.isLess(new, best)
      }
    },
    "max": { (evaluator, value, arguments) throws(TemplateError) in
      try extreme("max", evaluator, value, arguments) { (new, best) throws(TemplateError) in
        try evaluator.budget.isLess(best, new)
      }
    },
  ]

  private typealias Keyed = (key: JinjaValue, value: JinjaValue)

  /// `attribute="a,b"` sorts by a, then by b.
  private static func paths(_ attribute: JinjaValue?, _ budget: Budget) throws(TemplateError) -> [AttributePath] {
    guard let text = attribute?.text else { return [try AttributePath(attribute, budget)] }
    var paths: [AttributePath] = []
    for part in try StringMethods.split(text, at: ",", limit: -1, backwards: false, budget) {
      paths.append(try AttributePath(.string(part), budget))
    }
    return paths
  }

  private static func keyed(
    _ elements: JinjaArray, by paths: [AttributePath], _ isCaseSensitive: Bool, _ evaluator: Evaluator
  ) throws(TemplateError) -> [Keyed] {
    try evaluator.budget.allocate(elements: 2 * elements.count)
    var result: [Keyed] = []
    for element in elements {
      var keys: [JinjaValue] = []
      for path in paths { keys.append(try path.key(of: element, isCaseSensitive: isCaseSensitive, evaluator)) }
      result.append((keys.count == 1 ? keys[0] : .tuple(JinjaArray(keys)), element))
    }
    return result
  }

  private static func sorted(
    _ elements: [Keyed], isReversed: Bool, _ evaluator: Evaluator
  ) throws(TemplateError) -> [JinjaValue] {
    try stablySorted(elements) { (left, right) throws(TemplateError) in
      isReversed
        ? try evaluator.budget.isLess(right.key, left.key) : try evaluator.budget.isLess(left.key, right.key)
    }.map(\.value)
  }

  private static func groups(
    _ elements: [Keyed], _ path: AttributePath, _ evaluator: Evaluator
  ) throws(TemplateError) -> JinjaValue {
    let sorted = try stablySorted(elements) { (left, right) throws(TemplateError) in
      try evaluator.budget.isLess(left.key, right.key)
    }
    var groups: [JinjaValue] = []
    var start = 0
    while start < sorted.count {
      var end = start + 1
      while end < sorted.count, try evaluator.budget.isEqual(sorted[start].key, sorted[end].key) { end += 1 }
      // The name of a group is as its first element spells it.
      let name = try path.value(in: sorted[start].value, evaluator)
      let group = Group(name, try evaluator.budget.array(sorted[start..<end].map(\.value)))
      try evaluator.budget.check(depth: group.depth)
      groups.append(.object(group))
      start = end
    }
    return try evaluator.budget.array(groups)
  }

  private static func extreme(
    _ name: String, _ evaluator: Evaluator, _ value: JinjaValue, _ arguments: Arguments,
    _ isBetter: (JinjaValue, JinjaValue) throws(TemplateError) -> Bool
  ) throws(TemplateError) -> JinjaValue {
    let bound = try arguments.bound(to: "case_sensitive", "attribute", of: name)
    let elements = try evaluator.elements(of: value)
    let keyed = try keyed(elements, by: [try AttributePath(bound[1], evaluator.budget)], bound.flag(0), evaluator)
    guard var best = keyed.first else { return SequenceFilters.missing("aggregated item") }
    for candidate in keyed.dropFirst() where try isBetter(candidate.key, best.key) { best = candidate }
    return best.value
  }
}
