/// The variables of one block, inside those of the blocks around it. Macros keep the scope they were defined in.
final class Scope {
  private var variables: [String: JinjaValue]
  private let parent: Scope?

  init(_ variables: [String: JinjaValue] = [:], parent: Scope? = nil) {
    self.variables = variables
    self.parent = parent
  }

  /// The innermost value under `name`.
  func value(of name: String) -> JinjaValue? {
    var scope: Scope? = self
    while let current = scope {
      if let value = current.variables[name] { return value }
      scope = current.parent
    }
    return nil
  }

  func set(_ name: String, to value: JinjaValue) { variables[name] = value }

  func removeAll() { variables = [:] }
}
