import GRDB
import KingletDocuments

extension SearchFilter {
  /// A condition on `chunk` as c and `document` as d; whatever a user has typed is an argument, never SQL.
  var sql: (condition: String, arguments: StatementArguments) {
    var parts = ["1"]
    var arguments = StatementArguments()
    for condition in conditions {
      let (part, values) = condition.sql
      parts.append(part)
      arguments += StatementArguments(values)
    }
    return (parts.joined(separator: " AND "), arguments)
  }
}

extension SearchFilter.Condition {
  fileprivate var sql: (String, [DatabaseValue]) {
    switch key {
    case "path" where comparison == .equal || comparison == .notEqual:
      // A relative pattern holds for the end of a path.
      let pattern = value.hasPrefix("/") || value.hasPrefix("*") ? value : "*/" + value
      return ("d.path \(comparison == .equal ? "" : "NOT ")GLOB ?", [pattern.databaseValue])
    case "path": return compare("d.path", [])
    case "format": return compare("d.format", [])
    case "title": return compare("d.title", [])
    case "heading": return compare("c.heading", [])
    case "page": return compare("c.first_page", [])
    case "id": return compare("json_extract(c.place, '$.identifier')", [])
    default:
      return compare("json_extract(c.place, ?)", ["$.fields.\"\(key)\"".databaseValue])
    }
  }

  private func compare(_ expression: String, _ arguments: [DatabaseValue]) -> (String, [DatabaseValue]) {
    if comparison == .contains {
      let escaped = value.replacing("\\", with: "\\\\").replacing("%", with: "\\%").replacing("_", with: "\\_")
      return ("\(expression) LIKE ? ESCAPE '\\'", arguments + ["%\(escaped)%".databaseValue])
    }
    let sign = comparison == .equal ? "=" : comparison == .notEqual ? "IS NOT" : comparison.rawValue
    // As a number where both sides are numbers.
    let operand = Double(value).map(\.databaseValue)
    if let operand, comparison != .equal, comparison != .notEqual {
      return ("CAST(\(expression) AS REAL) \(sign) ?", arguments + [operand])
    }
    if let operand {
      let both = "(\(expression) \(sign) ? \(comparison == .equal ? "OR" : "AND") \(expression) \(sign) ?)"
      return (both, arguments + [value.databaseValue] + arguments + [operand])
    }
    return ("\(expression) \(sign) ?", arguments + [value.databaseValue])
  }
}
