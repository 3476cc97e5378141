/// Filters that change the characters of a text. Other values are turned into text first.
enum TextFilters {
  static let table: [String: Filters.Filter] = [
    "upper": mapping(\.uppercase),
    "lower": mapping(\.lowercase),
    "capitalize": mapping(\.capitalizedFirst),
    "title": mapping(title),
    "trim": { (evaluator, value, arguments) throws(TemplateError) in
      let characters = try arguments.bound(to: "chars", of: "trim").text(0)
      return value.rewrapped(
        try StringMethods.stripped(try evaluator.text(of: value), of: characters, evaluator.budget))
    },
    "replace": { (evaluator, value, arguments) throws(TemplateError) in
      let bound = try arguments.bound(to: "old", "new", "count", of: "replace")
      return .string(
        try StringMethods.replaced(
          try evaluator.text(of: value), try evaluator.text(of: try bound.required(0)),
          with: try evaluator.text(of: try bound.required(1)), limit: try bound.integer(2) ?? -1, evaluator.budget))
    },
    "reverse": { (evaluator, value, _) throws(TemplateError) in
      if let text = value.text {
        try evaluator.budget.allocate(text.utf8.count)
        return value.rewrapped(String(text.unicodeScalars.reversed()))
      }
      let elements = try evaluator.budget.sequence(try evaluator.elements(of: value).elements.reversed())
      return .object(OneShotIterator(elements, name: "list_reverseiterator"))
    },
    "format": { (evaluator, value, arguments) throws(TemplateError) in
      guard arguments.positional.isEmpty || arguments.named.isEmpty else {
        throw .value("can't handle positional and keyword arguments at the same time")
      }
      var values = JinjaValue.tuple(JinjaArray(arguments.positional))
      if !arguments.named.isEmpty {
        var names = JinjaDictionary()
        for (name, value) in arguments.named { try evaluator.set(.string(name), to: value, in: &names) }
        values = .dictionary(names)
      }
      return value.rewrapped(
        try evaluator.percentFormatted(try evaluator.text(of: value), values, escapes: value.isMarkup))
    },
    "wordcount": { (evaluator, value, _) throws(TemplateError) in
      let text = try evaluator.text(of: value)
      try evaluator.budget.study(text)
      var count = 0
      var isInWord = false
      for scalar in text.unicodeScalars {
        if scalar.isPythonWord, !isInWord { count += 1 }
        isInWord = scalar.isPythonWord
      }
      return .int(count)
    },
  ]

  private static func mapping(_ change: @escaping @Sendable (String) -> String) -> Filters.Filter {
    { (evaluator, value, arguments) throws(TemplateError) in
      _ = try arguments.bound(of: "this filter")
      let text = try evaluator.text(of: value)
      try evaluator.budget.study(text)
      let result = change(text)
      try evaluator.budget.allocate(result.utf8.count)
      return value.rewrapped(result)
    }
  }

  /// A capital after whitespace, hyphens and opening brackets only, unlike `str.title`.
  private static func title(_ text: String) -> String {
    var result = ""
    var startsWord = true
    var isInSeparator = false
    for scalar in text.unicodeScalars {
      let separates = scalar.isPythonSpace || "-({[<".unicodeScalars.contains(scalar)
      if separates != isInSeparator { startsWord = true }
      isInSeparator = separates
      result += startsWord ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
      startsWord = false
    }
    return result
  }
}
