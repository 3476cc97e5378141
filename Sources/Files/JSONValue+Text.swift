extension JSONValue {
  /// The value as text over several lines, members and elements each on their own. Numbers must be finite.
  package var text: String { text(indentation: "") + "\n" }

  private func text(indentation: String) -> String {
    let inner = indentation + "  "
    func lines(_ parts: [String], _ opening: String, _ closing: String) -> String {
      guard !parts.isEmpty else { return opening + closing }
      return "\(opening)\n\(parts.map { inner + $0 }.joined(separator: ",\n"))\n\(indentation)\(closing)"
    }
    return switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): value.jsonString
    case .array(let values): lines(values.map { $0.text(indentation: inner) }, "[", "]")
    case .object(let members):
      lines(members.map { "\($0.key.jsonString): \($0.value.text(indentation: inner))" }, "{", "}")
    }
  }
}
