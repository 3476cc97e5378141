/// The variable `loop` inside a `for`. Items are admitted by the loop's condition as late as possible, since the body
/// may change what the condition looks at.
final class LoopContext: JinjaObject, @unchecked Sendable {
  private let loop: Loop
  private let items: JinjaArray
  private let level: Int
  /// The scope around the loop and its evaluator, while the loop runs.
  private var home: (scope: Scope, evaluator: Evaluator)?
  /// How many of `items` have been looked at, and those of them that passed the condition.
  private var examined = 0
  private var admitted: [JinjaValue] = []
  private var index = -1
  private var lastChanged: [JinjaValue]?

  init(_ loop: Loop, _ items: JinjaArray, level: Int, scope: Scope, evaluator: Evaluator) {
    self.loop = loop
    self.items = items
    self.level = level
    home = (scope, evaluator)
    if loop.condition == nil {
      admitted = items.elements
      examined = items.count
    }
    super.init(depth: items.depth + 1)
  }

  override var typeName: String { "LoopContext" }
  override var isCallable: Bool { true }
  override var count: Int? { admitted.count }

  /// The item of this round.
  var current: JinjaValue { admitted[index] }

  /// Goes to the next item; false when there is none.
  func advance() throws(TemplateError) -> Bool {
    guard try admit(upTo: index + 1) else { return false }
    index += 1
    return true
  }

  /// Lets go of everything that might hold on to the loop.
  func finish() {
    home = nil
    lastChanged = nil
  }

  /// Whether there is an item at `position`, looking as far ahead as it takes.
  private func admit(upTo position: Int) throws(TemplateError) -> Bool {
    while admitted.count <= position {
      guard examined < items.count, let condition = loop.condition, let (scope, evaluator) = home else { return false }
      let item = items[examined]
      examined += 1
      let isAdmitted = try evaluator.inScope(Scope(parent: scope)) { () throws(TemplateError) in
        try evaluator.assign(item, to: loop.target)
        return try evaluator.evaluate(condition).isTrue
      }
      if isAdmitted { admitted.append(item) }
    }
    return true
  }

  private func length() throws(TemplateError) -> Int {
    _ = try admit(upTo: .max - 1)
    return admitted.count
  }

  override func attribute(_ name: String) throws(TemplateError) -> JinjaValue? {
    switch name {
    case "index": .int(index + 1)
    case "index0": .int(index)
    case "first": .bool(index == 0)
    case "last": .bool(try !admit(upTo: index + 1))
    case "length": .int(try length())
    case "revindex": .int(try length() - index)
    case "revindex0": .int(try length() - index - 1)
    case "depth": .int(level + 1)
    case "depth0": .int(level)
    case "previtem": index > 0 ? admitted[index - 1] : .undefined("there is no previous item")
    case "nextitem": try admit(upTo: index + 1) ? admitted[index + 1] : .undefined("there is no next item")
    case "cycle":
      .object(
        Function(name, receiver: .object(self)) { [self] (_, arguments) throws(TemplateError) in
          guard !arguments.positional.isEmpty else { throw .type("no items for cycling given") }
          return arguments.positional[index % arguments.positional.count]
        })
    case "changed":
      .object(
        Function(name, receiver: .object(self)) { [self] (evaluator, arguments) throws(TemplateError) in
          .bool(try hasChanged(arguments.positional, evaluator.budget))
        })
    default: nil
    }
  }

  private func hasChanged(_ values: [JinjaValue], _ budget: Budget) throws(TemplateError) -> Bool {
    if let lastChanged, try budget.isEqual(.tuple(JinjaArray(lastChanged)), .tuple(JinjaArray(values))) { return false }
    lastChanged = values
    return true
  }

  /// `loop(items)`: the loop again, over the children of an item.
  override func call(_ evaluator: Evaluator, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    guard loop.isRecursive, let home else {
      throw .type("The loop must have the 'recursive' marker to be called recursively.")
    }
    let items = try evaluator.elements(of: try arguments.bound(to: "iterable", of: "loop").required(0))
    try evaluator.enter()
    let text = try evaluator.captured { () throws(TemplateError) in
      try evaluator.inScope(home.scope) { () throws(TemplateError) in
        try evaluator.iterate(loop, over: items, level: level + 1)
      }
    }
    evaluator.leave()
    return .string(text)
  }

  override func description(_ writer: inout RepresentationWriter) throws(TemplateError) {
    try writer.output.append("<LoopContext \(index + 1)/\(admitted.count)>")
  }
}
