/// Filters that take sequences apart and put them together.
enum SequenceFilters {
  static let table: [String: Filters.Filter] = [
    "first": { (evaluator, value, _) throws(TemplateError) in
      if case .object(let iterator as OneShotIterator) = value { return iterator.next() ?? missing("first item") }
      return try evaluator.elements(of: value).first ?? missing("first item")
    },
    "last": { (evaluator, value, _) throws(TemplateError) in
      if case .object(let iterator as OneShotIterator) = value {
        throw .type("'\(iterator.typeName)' object is not reversible")
      }
      return try evaluator.elements(of: value).last ?? missing("last item")
    },
    "join": { (evaluator, value, arguments) throws(TemplateError) in
      let bound = try arguments.bound(to: "d", "attribute", of: "join")
      let separator = try evaluator.text(of: bound[0] ?? .string(""))
      let path = try AttributePath(bound[1], evaluator.budget)
      var result = BoundedText(evaluator.budget)
      for (position, item) in try evaluator.elements(of: value).enumerated() {
        if position > 0 { try result.append(separator) }
        try result.append(try evaluator.text(of: try path.value(in: item, evaluator)))
      }
      return .string(result.text)
    },
    "sum": { (evaluator, value, arguments) throws(TemplateError) in
      let bound = try arguments.bound(to: "attribute", "start", of: "sum")
      let path = try AttributePath(bound[0], evaluator.budget)
      var sum = bound[1] ?? .int(0)
      if sum.text != nil { throw .type("sum() can't sum strings [use ''.join(seq) instead]") }
      for item in try evaluator.elements(of: value) {
        sum = try evaluator.apply(.add, sum, try path.value(in: item, evaluator))
      }
      return sum
    },
    "batch": { (evaluator, value, arguments) throws(TemplateError) in
      let bound = try arguments.bound(to: "linecount", "fill_with", of: "batch")
      guard let size = try bound.integer(0), size > 0 else { throw .value("batch needs a positive size") }
      let elements = try evaluator.elements(of: value).elements
      var rows: [JinjaValue] = []
      for start in stride(from: 0, to: elements.count, by: size) {
        var row = Array(elements[start..<(start + min(size, elements.count - start))])
        try pad(&row, by: size - row.count, bound[1], evaluator.budget)
        rows.append(try evaluator.budget.array(row))
      }
      return .object(OneShotIterator(try evaluator.budget.sequence(rows)))
    },
    "slice": { (evaluator, value, arguments) throws(TemplateError) in
      let bound = try arguments.bound(to: "slices", "fill_with", of: "slice")
      guard let count = try bound.integer(0), count > 0 else { throw .value("slice needs a positive number") }
      try evaluator.budget.allocate(elements: count)
      return .object(
        OneShotIterator(try columns(try evaluator.elements(of: value).elements, count, bound[1], evaluator.budget)))
    },
    "unique": { (evaluator, value, arguments) throws(TemplateError) in
      let bound = try arguments.bound(to: "case_sensitive", "attribute", of: "unique")
      let path = try AttributePath(bound[1], evaluator.budget)
      var seen: Set<KeyIdentity> = []
      var result: [JinjaValue] = []
      for item in try evaluator.elements(of: value) {
        let key = try path.key(of: item, isCaseSensitive: bound.flag(0), evaluator)
        if seen.insert(try KeyIdentity(key, evaluator.budget)).inserted { result.append(item) }
      }
      return .object(OneShotIterator(try evaluator.budget.sequence(result)))
    },
  ]

  static func missing(_ what: String) -> JinjaValue { .undefined("No \(what), sequence was empty.") }

  private static func pad(
    _ row: inout [JinjaValue], by count: Int, _ filler: JinjaValue?, _ budget: Budget
  ) throws(TemplateError) {
    guard count > 0, let filler else { return }
    if case .none = filler { return }
    try budget.allocate(elements: count)
    row += Array(repeating: filler, count: count)
  }

  /// `count` runs of elements whose lengths differ by at most one.
  private static func columns(
    _ elements: [JinjaValue], _ count: Int, _ filler: JinjaValue?, _ budget: Budget
  ) throws(TemplateError) -> JinjaArray {
    var columns: [JinjaValue] = []
    var start = 0
    let longer = elements.count % count
    for index in 0..<count {
      try budget.step()
      let end = start + elements.count / count + (index < longer ? 1 : 0)
      var column = Array(elements[start..<end])
      if index >= longer { try pad(&column, by: 1, filler, budget) }
      columns.append(try budget.array(column))
      start = end
    }
    return try budget.sequence(columns)
  }
}
