// Attributes: `value.name`. Methods come before keys, and what begins with an underscore is out of reach.
extension Evaluator {
  /// `value.name`; undefined when there is no such attribute.
  func attribute(_ name: String, of value: JinjaValue) throws(TemplateError) -> JinjaValue {
    switch value {
    case .undefined(let undefined): throw undefined.error
    case .dictionary(let dictionary):
      if let method = try method(name, of: value) { return method }
      return dictionary[name] ?? missingAttribute(name, of: value)
    default:
      return try method(name, of: value) ?? missingAttribute(name, of: value)
    }
  }

  /// A method or property; one that the sandbox hides is undefined in a way that tells so when it is used.
  func method(_ name: String, of value: JinjaValue) throws(TemplateError) -> JinjaValue? {
    if name.utf8.starts(with: "__".utf8), name.utf8.count > 4 { return hidden(name, of: value) }
    switch value {
    case .string(let text), .markup(let text):
      return StringMethods.named(name).map { method in
        .object(
          Function(name, receiver: value) { (evaluator, arguments) throws(TemplateError) in
            try method(StringMethods.Call(evaluator: evaluator, receiver: value, text: text, arguments: arguments))
          })
      }
    case .array(let elements):
      if SequenceMethods.mutatingNames.contains(name) { return hidden(name, of: value) }
      return SequenceMethods.method(name, of: value, elements)
    case .tuple(let elements): return SequenceMethods.method(name, of: value, elements)
    case .dictionary(let dictionary):
      if DictionaryMethods.mutatingNames.contains(name) { return hidden(name, of: value) }
      return DictionaryMethods.method(name, of: dictionary)
    case .object(let object):
      if name.utf8.first == UInt8(ascii: "_") { return hidden(name, of: value) }
      return try object.attribute(name)
    default: return nil
    }
  }

  func missingAttribute(_ name: String, of value: JinjaValue) -> JinjaValue {
    .undefined("'\(value.objectName)' has no attribute '\(name)'")
  }

  private func hidden(_ name: String, of value: JinjaValue) -> JinjaValue {
    .undefined(
      .init("access to attribute '\(name)' of '\(value.typeName)' object is unsafe.", kind: .security))
  }
}

extension JinjaValue {
  /// What messages about missing attributes call the value.
  var objectName: String {
    if case .none = self { return "None" }
    return "\(typeName) object"
  }

  var isMarkup: Bool {
    if case .markup = self { return true }
    return false
  }
}
