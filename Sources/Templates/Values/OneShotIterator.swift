/// What lazy filters return: elements that can be gone through once, without a length. They are computed at once here;
/// a template can tell only by the order of side effects, of which it has hardly any.
final class OneShotIterator: JinjaObject, @unchecked Sendable {
  private let content: JinjaArray
  private var position = 0
  private let name: String

  init(_ elements: JinjaArray, name: String = "generator") {
    content = elements
    self.name = name
    super.init(depth: elements.depth)
  }

  override var typeName: String { name }
  override var isIterable: Bool { true }

  override func elements(_ evaluator: Evaluator) -> JinjaArray? {
    defer { position = content.count }
    return position == 0 ? content : JinjaArray(Array(content.elements[position...]))
  }

  /// The next element, as `first` takes it.
  func next() -> JinjaValue? {
    guard position < content.count else { return nil }
    defer { position += 1 }
    return content[position]
  }
}
