// Subscripts: `value[index]` and `value[start:stop:step]`.
extension Evaluator {
  /// `value[index]`; undefined when there is no such element.
  func element(_ index: JinjaValue, of value: JinjaValue) throws(TemplateError) -> JinjaValue {
    if case .undefined(let undefined) = value { throw undefined.error }
    if let found = try directElement(index, of: value) { return found }
    if let name = index.text, let method = try method(name, of: value) { return method }
    if let name = index.text { return missingAttribute(name, of: value) }
    return .undefined("\(value.objectName) has no element \(try representation(of: index))")
  }

  private func directElement(_ index: JinjaValue, of value: JinjaValue) throws(TemplateError) -> JinjaValue? {
    switch value {
    case .dictionary(let dictionary):
      // What cannot be a key is not an error here, just not there.
      switch index {
      case .array, .dictionary: return nil
      default: return try self.value(of: index, in: dictionary)
      }
    case .array(let elements), .tuple(let elements):
      guard let position = Self.position(index, count: elements.count) else { return nil }
      return elements[position]
    case .string(let text), .markup(let text):
      guard index.integer != nil else { return nil }
      try budget.examine(text)
      guard let position = Self.position(index, count: text.scalarCount) else { return nil }
      return value.rewrapped(text.scalars(from: position, to: position + 1))
    case .object(let object):
      guard object.isIndexed, let position = Self.position(index, count: object.count ?? 0) else { return nil }
      return object.element(at: position)
    default: return nil
    }
  }

  /// An index counted from the start, if it is within `count`; negative ones count from the end.
  private static func position(_ index: JinjaValue, count: Int) -> Int? {
    guard let index = index.integer, index >= -count, index < count else { return nil }
    return index < 0 ? index + count : index
  }

  /// `value[start:stop:step]`.
  func slice(
    _ value: JinjaValue, _ start: Expression?, _ stop: Expression?, _ step: Expression?
  ) throws(TemplateError) -> JinjaValue {
    if case .undefined(let undefined) = value { throw undefined.error }
    let start = try bound(start)
    let stop = try bound(stop)
    let step = try bound(step) ?? 1
    guard step != 0 else { throw .value("slice step cannot be zero") }
    switch value {
    case .array(let elements): return try budget.array(Self.slice(elements.elements, start, stop, step))
    case .tuple(let elements): return try budget.tuple(Self.slice(elements.elements, start, stop, step))
    case .string(let text), .markup(let text):
      try budget.allocate(text.utf8.count)
      if step == 1 {
        let range = Self.limits(start, stop, count: text.scalarCount)
        return value.rewrapped(range.isEmpty ? "" : text.scalars(from: range.lowerBound, to: range.upperBound))
      }
      return value.rewrapped(String(Self.slice(Array(text.unicodeScalars), start, stop, step)))
    case .object(let object) where object.isIndexed:
      return try budget.array(Self.slice(try elements(of: value).elements, start, stop, step))
    default: throw .type("'\(value.typeName)' object is not subscriptable")
    }
  }

  private func bound(_ expression: Expression?) throws(TemplateError) -> Int? {
    guard let expression else { return nil }
    let value = try evaluate(expression)
    if case .none = value { return nil }
    guard let integer = value.integer else {
      throw .type("slice indices must be integers or None or have an __index__ method")
    }
    return integer
  }

  private static func limits(_ start: Int?, _ stop: Int?, count: Int) -> Range<Int> {
    let start = clamped(start ?? 0, 0...count, count)
    return start..<max(start, clamped(stop ?? count, 0...count, count))
  }

  /// An index counted from the start and brought into `range`.
  private static func clamped(_ index: Int, _ range: ClosedRange<Int>, _ count: Int) -> Int {
    min(max(index < 0 ? index + count : index, range.lowerBound), range.upperBound)
  }

  private static func slice<T>(_ elements: [T], _ start: Int?, _ stop: Int?, _ step: Int) -> [T] {
    let count = elements.count
    if step == 1 { return Array(elements[limits(start, stop, count: count)]) }
    // A step longer than the sequence takes one element, however long it is.
    let stride = max(min(step, count + 1), -count - 1)
    if step > 0 {
      let range = limits(start, stop, count: count)
      return Swift.stride(from: range.lowerBound, to: range.upperBound, by: stride).map { elements[$0] }
    }
    let first = clamped(start ?? count, -1...(count - 1), count)
    let last = stop.map { clamped($0, -1...(count - 1), count) } ?? -1
    return Swift.stride(from: first, to: last, by: stride).map { elements[$0] }
  }
}
