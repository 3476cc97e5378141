// What values are when printed, counted and gone through.
extension Evaluator {
  /// `str(value)`.
  func text(of value: JinjaValue) throws(TemplateError) -> String {
    switch value {
    case .string(let text), .markup(let text): text
    case .undefined: ""
    default: try representation(of: value)
    }
  }

  /// `repr(value)`.
  func representation(of value: JinjaValue) throws(TemplateError) -> String {
    var writer = RepresentationWriter(budget)
    try writer.write(value)
    return writer.output.text
  }

  /// `len(value)`.
  func length(of value: JinjaValue) throws(TemplateError) -> Int {
    switch value {
    case .undefined: return 0
    case .string(let text), .markup(let text):
      try budget.examine(text)
      return text.scalarCount
    case .array(let elements), .tuple(let elements): return elements.count
    case .dictionary(let dictionary): return dictionary.count
    case .object(let object):
      if let count = object.count { return count }
      fallthrough
    default: throw .type("object of type '\(value.typeName)' has no len()")
    }
  }

  /// The elements that iterating over `value` gives: characters of a text, keys of a dictionary.
  func elements(of value: JinjaValue) throws(TemplateError) -> JinjaArray {
    switch value {
    case .undefined: return []
    case .array(let elements), .tuple(let elements): return elements
    case .string(let text), .markup(let text):
      try budget.examine(text)
      try budget.allocate(elements: text.scalarCount)
      return JinjaArray(text.unicodeScalars.map { value.rewrapped(String($0)) })
    case .dictionary(let dictionary):
      try budget.allocate(elements: dictionary.count)
      return JinjaArray(dictionary.entries.map(\.key))
    case .object(let object):
      if let elements = try object.elements(self) { return elements }
      fallthrough
    default: throw .type("'\(value.typeName)' object is not iterable")
    }
  }

  /// Adds to a dictionary, charged.
  func set(
    _ key: JinjaValue, to value: JinjaValue, in dictionary: inout JinjaDictionary
  ) throws(TemplateError) {
    try budget.allocate(MemoryLayout<JinjaDictionary.Entry>.stride)
    dictionary.set(key, try KeyIdentity(key, budget), value)
    try budget.check(depth: dictionary.depth)
  }

  /// The value under `key` in a dictionary, or nil.
  func value(of key: JinjaValue, in dictionary: JinjaDictionary) throws(TemplateError) -> JinjaValue? {
    dictionary[try KeyIdentity(key, budget)]
  }

  /// `key in container`.
  func contains(_ container: JinjaValue, _ item: JinjaValue) throws(TemplateError) -> Bool {
    switch container {
    case .string(let text), .markup(let text):
      guard let part = item.text else {
        throw .type("'in <string>' requires string as left operand, not \(item.typeName)")
      }
      try budget.examine(text)
      return part.isEmpty || ByteSearch(Array(part.utf8)).first(in: Array(text.utf8)) != nil
    case .dictionary(let dictionary): return try value(of: item, in: dictionary) != nil
    case .none, .bool, .int, .double: throw .type("argument of type '\(container.typeName)' is not iterable")
    default:
      for element in try elements(of: container) where try budget.isEqual(element, item) { return true }
      return false
    }
  }
}
