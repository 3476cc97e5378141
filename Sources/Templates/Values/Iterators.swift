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

/// `range(start, stop, step)`, which holds no elements until it is gone through.
final class RangeObject: JinjaObject, @unchecked Sendable {
  /// The longest range that the reference's sandbox allows.
  static let longest = 100_000

  private let start: Int
  private let stop: Int
  private let step: Int
  private let length: Int

  init(start: Int, stop: Int, step: Int) throws(TemplateError) {
    guard step != 0 else { throw .value("range() arg 3 must not be zero") }
    let (distance, overflow) =
      step > 0 ? stop.subtractingReportingOverflow(start) : start.subtractingReportingOverflow(stop)
    let stride = step.magnitude
    let steps = distance <= 0 ? 0 : (UInt(distance) - 1) / stride + 1
    guard !(overflow && (step > 0) == (stop > start)), steps <= UInt(Self.longest) else {
      throw .overflow("Range too big. The sandbox blocks ranges larger than \(Self.longest).")
    }
    self.start = start
    self.stop = stop
    self.step = step
    length = overflow ? 0 : Int(steps)
    super.init()
  }

  override var typeName: String { "range" }
  override var isTrue: Bool { length > 0 }
  override var count: Int? { length }
  override var isIndexed: Bool { true }
  // Cannot overflow: the element lies between `start` and `stop`.
  override func element(at position: Int) -> JinjaValue { .int(start &+ position &* step) }

  override func elements(_ evaluator: Evaluator) throws(TemplateError) -> JinjaArray? {
    try evaluator.budget.allocate(elements: length)
    return JinjaArray((0..<length).map(element(at:)))
  }

  override func description(_ writer: inout RepresentationWriter) throws(TemplateError) {
    try writer.output.append("range(\(start), \(stop)\(step == 1 ? "" : ", \(step)"))")
  }
}
