/// One group of `groupby`: a pair that also answers to names.
final class Group: JinjaObject, @unchecked Sendable {
  private let pair: JinjaArray

  init(_ grouper: JinjaValue, _ list: JinjaValue) {
    pair = [grouper, list]
    super.init(depth: pair.depth)
  }

  override var typeName: String { "tuple" }
  override var count: Int? { pair.count }
  override var isIndexed: Bool { true }
  override func element(at position: Int) -> JinjaValue { pair[position] }
  override func elements(_ evaluator: Evaluator) -> JinjaArray? { pair }

  override func attribute(_ name: String) -> JinjaValue? {
    switch name {
    case "grouper": pair[0]
    case "list": pair[1]
    default: nil
    }
  }

  override func description(_ writer: inout RepresentationWriter) throws(TemplateError) {
    try writer.write(.tuple(pair))
  }
}
