/// The keys, values or items of a dictionary: countable and iterable, but neither list nor indexable.
final class DictionaryView: JinjaObject, @unchecked Sendable {
  private let name: String
  private let content: JinjaArray

  init(_ elements: JinjaArray, name: String) {
    content = elements
    self.name = name
    super.init(depth: elements.depth)
  }

  override var typeName: String { name }
  override var isTrue: Bool { !content.isEmpty }
  override var count: Int? { content.count }
  override func elements(_ evaluator: Evaluator) -> JinjaArray? { content }

  override func description(_ writer: inout RepresentationWriter) throws(TemplateError) {
    try writer.output.append(name + "(")
    try writer.write(.array(content))
    try writer.output.append(")")
  }
}
