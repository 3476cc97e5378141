import KingletErrors

/// Which chunks a search may find.
public struct SearchFilter: Sendable, Equatable {
  public enum Comparison: String, Sendable, CaseIterable {
    case notEqual = "!="
    case atMost = "<="
    case atLeast = ">="
    case contains = "~"
    case equal = "="
    case less = "<"
    case greater = ">"
  }

  /// `path=docs/*.md`, `format=pdf`, `heading~install`, `page<=3`, or a field of records such as `year>=2020`.
  public struct Condition: Sendable, Equatable {
    public var key: String
    public var comparison: Comparison
    public var value: String

    public init(_ key: String, _ comparison: Comparison, _ value: String) {
      self.key = key
      self.comparison = comparison
      self.value = value
    }

    /// - Throws: `.invalidArgument` for a text without a comparison.
    public init(parsing text: String) throws(KingletError) {
      // The first sign counts, the longest that stands there.
      var index = text.startIndex
      while index < text.endIndex {
        let rest = text[index...]
        if let comparison = Comparison.allCases.first(where: { rest.hasPrefix($0.rawValue) }) {
          let key = String(text[..<index])
          guard !key.isEmpty, !key.contains("\"") else { break }
          self.init(key, comparison, String(rest.dropFirst(comparison.rawValue.count)))
          return
        }
        index = text.index(after: index)
      }
      throw KingletError(
        .invalidArgument, "`\(text)` is no filter", remedy: "Write KEY=VALUE, with = != ~ < <= > or >= between them.")
    }
  }

  /// All must hold.
  public var conditions: [Condition]
  /// Whether summaries of documents can be found, too.
  public var includesSummaries: Bool

  public init(_ conditions: [Condition] = [], includesSummaries: Bool = false) {
    self.conditions = conditions
    self.includesSummaries = includesSummaries
  }

  var isEmpty: Bool { conditions.isEmpty }
}
