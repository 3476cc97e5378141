/// The methods of lists and tuples that do not change them.
enum SequenceMethods {
  /// Methods of lists that the sandbox hides.
  static let mutatingNames: Set<String> = [
    "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove",
  ]

  static func method(_ name: String, of value: JinjaValue, _ elements: JinjaArray) -> JinjaValue? {
    switch name {
    case "count":
      bound(name, value) { (evaluator, arguments) throws(TemplateError) in
        let wanted = try arguments.bound(to: "value", of: name).required(0)
        var count = 0
        for element in elements where try evaluator.budget.isEqual(element, wanted) { count += 1 }
        return .int(count)
      }
    case "index":
      bound(name, value) { (evaluator, arguments) throws(TemplateError) in
        let wanted = try arguments.bound(to: "value", of: name).required(0)
        for (position, element) in elements.enumerated() where try evaluator.budget.isEqual(element, wanted) {
          return .int(position)
        }
        throw .value("\(try evaluator.representation(of: wanted)) is not in list")
      }
    case "copy": bound(name, value) { _, _ in value }
    default: nil
    }
  }

  private static func bound(_ name: String, _ value: JinjaValue, _ body: @escaping Function.Body) -> JinjaValue {
    .object(Function(name, receiver: value, body))
  }
}

/// The methods of dictionaries that do not change them.
enum DictionaryMethods {
  /// Methods that the sandbox hides.
  static let mutatingNames: Set<String> = ["clear", "pop", "popitem", "setdefault", "update"]

  static func method(_ name: String, of dictionary: JinjaDictionary) -> JinjaValue? {
    switch name {
    case "get":
      bound(name, dictionary) { (evaluator, arguments) throws(TemplateError) in
        let bound = try arguments.bound(to: "key", "default", of: name)
        return try evaluator.value(of: try bound.required(0), in: dictionary) ?? bound[1] ?? .none
      }
    case "keys": view(name, dictionary) { (entry, _) in entry.key }
    case "values": view(name, dictionary) { (entry, _) in entry.value }
    case "items":
      view(name, dictionary) { (entry, budget) throws(TemplateError) in try budget.tuple([entry.key, entry.value]) }
    case "copy": bound(name, dictionary) { _, _ in .dictionary(dictionary) }
    default: nil
    }
  }

  /// The pairs of a dictionary, as `items` gives them.
  static func items(of dictionary: JinjaDictionary, _ budget: Budget) throws(TemplateError) -> JinjaArray {
    var pairs: [JinjaValue] = []
    for entry in dictionary.entries { pairs.append(try budget.tuple([entry.key, entry.value])) }
    return try budget.sequence(pairs)
  }

  private static func view(
    _ name: String, _ dictionary: JinjaDictionary,
    _ part: @escaping (JinjaDictionary.Entry, Budget) throws(TemplateError) -> JinjaValue
  ) -> JinjaValue {
    bound(name, dictionary) { (evaluator, _) throws(TemplateError) in
      var parts: [JinjaValue] = []
      for entry in dictionary.entries { parts.append(try part(entry, evaluator.budget)) }
      return .object(DictionaryView(try evaluator.budget.sequence(parts), name: "dict_" + name))
    }
  }

  private static func bound(
    _ name: String, _ dictionary: JinjaDictionary, _ body: @escaping Function.Body
  ) -> JinjaValue {
    .object(Function(name, receiver: .dictionary(dictionary), body))
  }
}
