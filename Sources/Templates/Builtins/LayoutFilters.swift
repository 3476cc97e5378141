/// Filters that lay a text out: padding, indentation, cutting to length.
enum LayoutFilters {
  static let table: [String: Filters.Filter] = [
    "center": { (evaluator, value, arguments) throws(TemplateError) in
      let width = try arguments.bound(to: "width", of: "center").integer(0) ?? 80
      return value.rewrapped(
        try StringMethods.padded(try evaluator.text(of: value), to: width, .center, evaluator.budget))
    },
    "indent": indent,
    "truncate": truncate,
    "wordwrap": wrap,
  ]

  private static func indent(
    _ evaluator: Evaluator, _ value: JinjaValue, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    let bound = try arguments.bound(to: "width", "first", "blank", of: "indent")
    if case .undefined(let undefined) = value { throw undefined.error }
    guard let text = value.text else { throw .type("indent needs a string, not \(value.typeName)") }
    let indentation = try indentation(bound, evaluator.budget)
    // A line break at the end is kept, which splitting into lines would drop.
    let lines = try StringMethods.lines(of: text + "\n", evaluator.budget)
    var result = BoundedText(evaluator.budget)
    for (position, line) in lines.enumerated() {
      if position > 0 { try result.append("\n") }
      if position == 0 ? bound.flag(1) : (bound.flag(2) || !line.isEmpty) { try result.append(indentation) }
      try result.append(line)
    }
    return value.rewrapped(result.text)
  }

  private static func indentation(_ bound: BoundArguments, _ budget: Budget) throws(TemplateError) -> String {
    if let text = bound[0]?.text { return text }
    var spaces = BoundedText(budget)
    try spaces.append(" ", count: try bound.integer(0) ?? 4)
    return spaces.text
  }

  private static func truncate(
    _ evaluator: Evaluator, _ value: JinjaValue, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    let bound = try arguments.bound(to: "length", "killwords", "end", "leeway", of: "truncate")
    let length = try bound.integer(0) ?? 255
    let end = try bound.text(2) ?? "..."
    let leeway = try bound.integer(3) ?? 5
    guard length >= end.scalarCount, leeway >= 0 else {
      throw .value("truncate expects a length of at least \(end.scalarCount) and no negative leeway")
    }
    guard let text = value.text else { throw .type("truncate needs a string, not \(value.typeName)") }
    try evaluator.budget.examine(text)
    let (longest, overflow) = length.addingReportingOverflow(leeway)
    if overflow || text.scalarCount <= longest { return value }
    var kept = text.scalars(from: 0, to: length - end.scalarCount)
    if !bound.flag(1) {
      kept = try StringMethods.split(kept, at: " ", limit: 1, backwards: true, evaluator.budget).first ?? kept
    }
    try evaluator.budget.allocate(kept.utf8.count + end.utf8.count)
    return value.rewrapped(kept + end)
  }

  /// Breaks lines at spaces, so that none is longer than `width`; words that are longer are cut.
  private static func wrap(
    _ evaluator: Evaluator, _ value: JinjaValue, _ arguments: Arguments
  ) throws(TemplateError) -> JinjaValue {
    let bound = try arguments.bound(
      to: "width", "break_long_words", "wrapstring", "break_on_hyphens", of: "wordwrap")
    let width = try bound.integer(0) ?? 79
    guard width > 0 else { throw .value("invalid width \(width) (must be > 0)") }
    let breaksWords = bound[1]?.isTrue ?? true
    let separator = try bound.text(2) ?? "\n"
    var result = BoundedText(evaluator.budget)
    var isFirst = true
    for paragraph in try StringMethods.lines(of: try evaluator.text(of: value), evaluator.budget) {
      let words = try StringMethods.split(paragraph, at: " ", limit: -1, backwards: false, evaluator.budget)
      for line in try fill(words, width: width, breaksWords: breaksWords, evaluator.budget) {
        if !isFirst { try result.append(separator) }
        isFirst = false
        try result.append(line)
      }
    }
    return value.rewrapped(result.text)
  }

  private static func fill(
    _ words: [String], width: Int, breaksWords: Bool, _ budget: Budget
  ) throws(TemplateError) -> [String] {
    var lines: [String] = []
    var line = ""
    var length = 0
    for word in words {
      try budget.study(word)
      var rest = Array(word.unicodeScalars)[...]
      if length > 0, length + 1 + rest.count <= width {
        line += " " + word
        length += 1 + rest.count
        continue
      }
      if length > 0 { lines.append(line) }
      while breaksWords, rest.count > width {
        try budget.step()
        lines.append(String(rest.prefix(width)))
        rest = rest.dropFirst(width)
      }
      line = String(rest)
      length = rest.count
    }
    if length > 0 || lines.isEmpty { lines.append(line) }
    return lines
  }
}
