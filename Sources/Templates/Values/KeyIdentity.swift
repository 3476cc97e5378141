/// What makes two dictionary keys the same key: equality of bytes for texts (Swift's own equality of strings would
/// confuse different spellings of "é"), of value for numbers.
enum KeyIdentity: Hashable, Sendable {
  case none
  case undefined
  case int(Int)
  case double(UInt64)
  case text(Bytes)
  case tuple([KeyIdentity])
  case object(ObjectIdentifier)

  /// A text compared and hashed by its UTF-8.
  struct Bytes: Hashable, Sendable {
    let text: String

    static func == (left: Bytes, right: Bytes) -> Bool { left.text.isIdentical(to: right.text) }

    func hash(into hasher: inout Hasher) {
      var word: UInt64 = 0
      var filled = 0
      for byte in text.utf8 {
        word = word << 8 | UInt64(byte)
        filled += 1
        if filled == 8 {
          hasher.combine(word)
          filled = 0
        }
      }
      hasher.combine(word)
      hasher.combine(text.utf8.count)
    }
  }

  static func text(_ text: String) -> KeyIdentity { .text(Bytes(text: text)) }

  /// The identity of `value` as a key; an error for lists and dictionaries, which Python cannot hash.
  init(_ value: JinjaValue, _ budget: Budget) throws(TemplateError) {
    switch value {
    case .none: self = .none
    case .undefined: self = .undefined
    case .bool(let flag): self = .int(flag ? 1 : 0)
    case .int(let number): self = .int(number)
    case .double(let number): self = Int(exactly: number).map { .int($0) } ?? .double(number.bitPattern)
    case .string(let text), .markup(let text):
      try budget.examine(text)
      self = .text(text)
    case .tuple(let elements):
      try budget.step(elements.count)
      var identities: [KeyIdentity] = []
      for element in elements { identities.append(try KeyIdentity(element, budget)) }
      self = .tuple(identities)
    case .array, .dictionary: throw .type("unhashable type: '\(value.typeName)'")
    case .object(let object): self = .object(ObjectIdentifier(object))
    }
  }
}
