extension JinjaValue {
  /// Whether the value counts as true: not empty, not zero, not none, not undefined.
  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let flag): flag
    case .int(let number): number != 0
    case .double(let number): number != 0
    case .string(let text), .markup(let text): !text.isEmpty
    case .array(let elements), .tuple(let elements): !elements.isEmpty
    case .dictionary(let dictionary): dictionary.count > 0
    case .object(let object): object.isTrue
    }
  }

  /// A text of the same kind as this one: HTML stays HTML.
  func rewrapped(_ text: String) -> JinjaValue {
    if case .markup = self { return .markup(text) }
    return .string(text)
  }
}
