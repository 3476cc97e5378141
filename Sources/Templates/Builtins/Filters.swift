/// What can follow `|`: jinja2's filters, but for those that have no place here (`random`, `urlize`, `pprint`).
enum Filters {
  typealias Filter = @Sendable (Evaluator, JinjaValue, Arguments) throws(TemplateError) -> JinjaValue

  static func isKnown(_ name: String) -> Bool { table[name] != nil }

  static func named(_ name: String) -> Filter? { table[name] }

  private static let table = [
    TextFilters.table, LayoutFilters.table, NumberFilters.table, MarkupFilters.table, SequenceFilters.table,
    OrderFilters.table, SelectionFilters.table, ConversionFilters.table,
  ].reduce(into: [String: Filter]()) { table, family in table.merge(family) { first, _ in first } }
}
