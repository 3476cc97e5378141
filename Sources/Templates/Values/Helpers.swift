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

/// `joiner(separator)`: nothing at the first call, the separator at every later one.
final class Joiner: JinjaObject, @unchecked Sendable {
  private let separator: JinjaValue
  private var isUsed = false

  init(_ separator: JinjaValue) {
    self.separator = separator
    super.init(depth: separator.depth + 1)
  }

  override var typeName: String { "Joiner" }
  override var isCallable: Bool { true }

  override func call(_ evaluator: Evaluator, _ arguments: Arguments) -> JinjaValue {
    defer { isUsed = true }
    return isUsed ? separator : .string("")
  }
}

/// One group of `groupby`: a pair that also answers to names.
final class Group: JinjaObject, @unchecked Sendable {
  private let pair: JinjaArray

  init(_ grouper: JinjaValue, _ list: JinjaValue) {
    pair = [grouper, list]
    super.init(depth: pair.depth)
  }

  override var typeName: String { "tuple" }
  override var count: Int? { pair.count }
  override var isIndexed: Bool { true }
  override func element(at position: Int) -> JinjaValue { pair[position] }
  override func elements(_ evaluator: Evaluator) -> JinjaArray? { pair }

  override func attribute(_ name: String) -> JinjaValue? {
    switch name {
    case "grouper": pair[0]
    case "list": pair[1]
    default: nil
    }
  }

  override func description(_ writer: inout RepresentationWriter) throws(TemplateError) {
    try writer.write(.tuple(pair))
  }
}
