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
    let isEmpty = step > 0 ? start >= stop : start <= stop
    let (distance, overflow) =
      step > 0 ? stop.subtractingReportingOverflow(start) : start.subtractingReportingOverflow(stop)
    let count = isEmpty ? 0 : overflow ? UInt.max : (UInt(distance) - 1) / step.magnitude + 1
    guard count <= UInt(Self.longest) else {
      throw .overflow("Range too big. The sandbox blocks ranges larger than \(Self.longest).")
    }
    self.start = start
    self.stop = stop
    self.step = step
    length = Int(count)
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
