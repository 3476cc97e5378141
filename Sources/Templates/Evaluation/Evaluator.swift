/// Runs a template once: the state of a rendering. Its extensions hold one concern each.
///
/// Templates cannot catch errors, so an error ends the rendering, and nothing here is restored on its way out.
final class Evaluator {
  let budget: Budget
  let clock: TemplateClock
  /// The line being run, where an error is located.
  var line = 1
  /// The variables in sight.
  var scope = Scope()
  /// What has been printed: by the template, or by the macro or block whose text is being collected.
  var output: BoundedText
  private var depth = 0
  /// Scopes and namespaces that may hold on to themselves by way of what is stored in them.
  private var possibleCycles: [() -> Void] = []

  init(limits: TemplateLimits, clock: TemplateClock) {
    budget = Budget(limits)
    self.clock = clock
    output = BoundedText(budget)
  }

  /// What `body` prints.
  func render(_ body: [Statement], variables: [String: JinjaValue]) throws(TemplateError) -> String {
    do {
      for value in variables.values { try budget.check(depth: value.depth) }
      scope = Scope(variables, parent: Scope(Globals.functions))
      _ = try execute(body)
      return output.text
    } catch {
      throw error.located(at: line)
    }
  }

  /// Enters one level of evaluation; every call is paired with `leave`.
  func enter() throws(TemplateError) {
    try budget.step()
    depth += 1
    guard depth <= budget.limits.maximumDepth else {
      throw .limit("the template calls itself, or is nested, more than \(budget.limits.maximumDepth) levels deep")
    }
  }

  func leave() { depth -= 1 }

  /// Runs `body` in a scope of its own.
  func inScope<T>(_ inner: Scope, _ body: () throws(TemplateError) -> T) throws(TemplateError) -> T {
    let outer = scope
    scope = inner
    let result = try body()
    scope = outer
    return result
  }

  /// What `body` prints, instead of printing it.
  func captured(_ body: () throws(TemplateError) -> Void) throws(TemplateError) -> String {
    let outer = output
    output = BoundedText(budget)
    try body()
    let text = output.text
    output = outer
    return text
  }

  /// Remembers something that only this rendering can set free; charged, because it lives until the end.
  func registerCycle(_ release: @escaping () -> Void) throws(TemplateError) {
    try budget.allocate(512)
    possibleCycles.append(release)
  }

  /// Empties scopes and namespaces one by one: reference counting alone would neither free those that hold themselves,
  /// nor free a long chain of them without a recursion as deep.
  func releaseCycles() {
    for release in possibleCycles { release() }
    possibleCycles = []
    scope.removeAll()
  }
}
