/// `namespace(…)`: the one thing whose attributes a template can set, and so the one way out of a block's scope.
final class Namespace: JinjaObject, @unchecked Sendable {
  private(set) var attributes: JinjaDictionary

  init(_ attributes: JinjaDictionary) {
    self.attributes = attributes
    // What it holds may change, and may even be itself: the evaluator frees its content, and printing counts levels.
    super.init(depth: 0)
  }

  override var typeName: String { "Namespace" }
  override func attribute(_ name: String) -> JinjaValue? { attributes[name] }

  func set(_ name: String, to value: JinjaValue) { attributes[name] = value }

  func removeAll() { attributes = JinjaDictionary() }

  override func description(_ writer: inout RepresentationWriter) throws(TemplateError) {
    try writer.output.append("<Namespace ")
    try writer.write(.dictionary(attributes))
    try writer.output.append(">")
  }
}
