/// `cycler(…)`: goes through its items again and again.
final class Cycler: JinjaObject, @unchecked Sendable {
  private let items: JinjaArray
  private var position = 0

  init(_ items: JinjaArray) throws(TemplateError) {
    guard !items.isEmpty else { throw TemplateError(.runtime, "at least one item has to be provided") }
    self.items = items
    super.init(depth: items.depth)
  }

  override var typeName: String { "Cycler" }

  override func attribute(_ name: String) -> JinjaValue? {
    switch name {
    case "current": return items[position]
    case "next":
      return .object(
        Function(name, receiver: .object(self)) { [self] _, _ in
          defer { position = (position + 1) % items.count }
          return items[position]
        })
    case "reset":
      return .object(
        Function(name, receiver: .object(self)) { [self] _, _ in
          position = 0
          return .none
        })
    default: return nil
    }
  }
}
