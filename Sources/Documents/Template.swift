import KingletErrors
import KingletFiles

/// How a record reads as text: `{field}` is the value of a field, `{a.b}` that of a field within a field, `{{` a brace.
struct Template: Sendable {
  private enum Piece {
    case text(String)
    case field([String])
  }
  private let pieces: [Piece]

  /// - Throws: `.invalidArgument` for a brace that is not closed.
  init(_ template: String) throws(KingletError) {
    var pieces: [Piece] = []
    var text = ""
    var rest = template[...]
    while let character = rest.first {
      rest.removeFirst()
      if character == "{", rest.first == "{" {
        rest.removeFirst()
        text.append("{")
      } else if character == "}", rest.first == "}" {
        rest.removeFirst()
        text.append("}")
      } else if character == "{" {
        guard let end = rest.firstIndex(of: "}"), end > rest.startIndex else {
          throw KingletError(
            .invalidArgument, "the template `\(template)` has a brace without a field and its closing brace",
            remedy: "Write {field}, and {{ for a brace.")
        }
        if !text.isEmpty { pieces.append(.text(text)) }
        text = ""
        pieces.append(.field(rest[..<end].split(separator: ".", omittingEmptySubsequences: false).map(String.init)))
        rest = rest[rest.index(after: end)...]
      } else {
        // `\n` and `\t`, as they can be typed in a shell.
        if character == "\\", let next = rest.first, let escaped = ["n": "\n", "t": "\t"][next] {
          rest.removeFirst()
          text += escaped
        } else {
          text.append(character)
        }
      }
    }
    if !text.isEmpty { pieces.append(.text(text)) }
    self.pieces = pieces
  }

  func render(_ record: JSONValue) -> String {
    pieces.map { (piece) -> String in
      switch piece {
      case .text(let text): return text
      case .field(let path):
        // A column may have a dot in its name.
        if let value = record[path.joined(separator: ".")] { return value.plainText }
        return path.reduce(Optional(record)) { $0?[$1] }?.plainText ?? ""
      }
    }.joined()
  }
}

extension JSONValue {
  /// The value as it reads in a sentence: no quotation marks, lists with commas.
  var plainText: String {
    switch self {
    case .null: ""
    case .bool(let value): value ? "true" : "false"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): value
    case .array(let values): values.map(\.plainText).joined(separator: ", ")
    case .object(let members): members.map { "\($0.key): \($0.value.plainText)" }.joined(separator: "; ")
    }
  }
}
