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
