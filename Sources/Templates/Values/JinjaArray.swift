/// The elements of a list or a tuple. It knows how deeply it is nested, because a template can build nests that no
/// recursive walk would survive.
public struct JinjaArray: Sendable, RandomAccessCollection, ExpressibleByArrayLiteral {
  /// The elements in order.
  public let elements: [JinjaValue]
  let depth: Int

  public init(_ elements: [JinjaValue]) {
    self.elements = elements
    var deepest = 0
    for element in elements { deepest = Swift.max(deepest, element.depth) }
    depth = deepest + 1
  }

  public init(arrayLiteral elements: JinjaValue...) { self.init(elements) }

  public var startIndex: Int { 0 }
  public var endIndex: Int { elements.count }
  public subscript(position: Int) -> JinjaValue { elements[position] }
}
