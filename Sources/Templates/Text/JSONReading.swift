import KingletErrors
import KingletFiles

extension JinjaValue {
  /// Reads JSON (RFC 8259), keeping the order of keys, which templates show to the model. Integers beyond 64 bits
  /// become floats.
  ///
  /// - Throws: `.invalidArgument`, located at the byte, when the text is not JSON or is nested over 100 levels.
  public init(json text: String) throws(KingletError) {
    do throws(KingletError) {
      self.init(try JSONValue(text))
    } catch {
      throw KingletError(.invalidArgument, error.message, at: error.location)
    }
  }

  private init(_ value: JSONValue) {
    switch value {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .integer(let value): self = .int(value)
    case .number(let value): self = .double(value)
    case .string(let value): self = .string(value)
    case .array(let elements): self = .array(JinjaArray(elements.map { JinjaValue($0) }))
    case .object(let members):
      var dictionary = JinjaDictionary()
      for member in members { dictionary[member.key] = JinjaValue(member.value) }
      self = .dictionary(dictionary)
    }
  }
}
