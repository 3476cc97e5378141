/// A function of the language, or a method bound to its receiver.
final class Function: JinjaObject, @unchecked Sendable {
  typealias Body = (Evaluator, Arguments) throws(TemplateError) -> JinjaValue

  let name: String
  private let body: Body

  /// - Parameter receiver: the value that `body` holds on to.
  init(_ name: String, receiver: JinjaValue = .none, _ body: @escaping Body) {
    self.name = name
    self.body = body
    super.init(depth: receiver.depth + 1)
  }

  override var typeName: String { "builtin_function_or_method" }
  override var isCallable: Bool { true }

  override func description(_ writer: inout RepresentationWriter) throws(TemplateError) {
    try writer.output.append("<built-in function \(name)>")
  }

  override func call(_ evaluator: Evaluator, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    try body(evaluator, arguments)
  }
}
