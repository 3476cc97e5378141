/// Filters that turn values into other kinds of values.
enum ConversionFilters {
  static let table: [String: Filters.Filter] = [
    "string": { (evaluator, value, _) throws(TemplateError) in value.rewrapped(try evaluator.text(of: value)) },
    "list": { (evaluator, value, _) throws(TemplateError) in
      .array(try evaluator.elements(of: value))
    },
    "length": length,
    "count": length,
    "default": fallback,
    "d": fallback,
    "items": { (evaluator, value, _) throws(TemplateError) in
      switch value {
      case .undefined: return .object(OneShotIterator([]))
      case .dictionary(let dictionary):
        return .object(OneShotIterator(try DictionaryMethods.items(of: dictionary, evaluator.budget)))
      default: throw .type("Can only get item pairs from a mapping.")
      }
    },
    "attr": { (evaluator, value, arguments) throws(TemplateError) in
      let name = try arguments.bound(to: "name", of: "attr").requiredText(0)
      if case .undefined(let undefined) = value { throw undefined.error }
      return try evaluator.method(name, of: value) ?? evaluator.missingAttribute(name, of: value)
    },
    "tojson": json,
  ]

  private static let length: Filters.Filter = { (evaluator, value, _) throws(TemplateError) in
    .int(try evaluator.length(of: value))
  }

  private static let fallback: Filters.Filter = { (_, value, arguments) throws(TemplateError) in
    let bound = try arguments.bound(to: "default_value", "boolean", of: "default")
    return value.isUndefined || (bound.flag(1) && !value.isTrue) ? bound[0] ?? .string("") : value
  }

  private static let json: Filters.Filter = { (evaluator, value, arguments) throws(TemplateError) in
    let bound = try arguments.bound(to: "ensure_ascii", "indent", "separators", "sort_keys", of: "tojson")
    var writer = JSONWriter(evaluator.budget)
    writer.escapesNonASCII = bound.flag(0)
    writer.sortsKeys = bound.flag(3)
    if let text = bound[1]?.text {
      writer.indent = text
    } else if let width = try bound.integer(1) {
      var spaces = BoundedText(evaluator.budget)
      try spaces.append(" ", count: width)
      writer.indent = spaces.text
    }
    if writer.indent != nil { writer.itemSeparator = "," }
    if let separators = bound[2], separators.isTrue {
      let texts = try evaluator.elements(of: separators).compactMap(\.text)
      guard texts.count == 2 else { throw .value("separators must be two strings") }
      (writer.itemSeparator, writer.keySeparator) = (texts[0], texts[1])
    }
    return .string(try writer.text(of: value))
  }
}
