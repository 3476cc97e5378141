/// A value with identity or behaviour: what functions, macros, namespaces, loops and iterators are to a template.
///
/// Unchecked: apart from the functions of the language, which do not change, an object is made by a rendering and used
/// by it alone, on whichever thread runs it; no function of this room returns one to its caller.
public class JinjaObject: @unchecked Sendable {
  /// Levels of containers held, for those that hold values and cannot change.
  let depth: Int

  init(depth: Int = 0) { self.depth = depth }

  /// Python's name for the type.
  var typeName: String { "object" }

  /// What `str` and `repr` give.
  func description(_ writer: inout RepresentationWriter) throws(TemplateError) {
    try writer.output.append("<\(typeName) object>")
  }

  /// Whether it counts as true.
  var isTrue: Bool { true }

  /// The attribute `name`; nil when there is none.
  func attribute(_ name: String) throws(TemplateError) -> JinjaValue? { nil }

  /// How many elements `length` counts; nil for what has no length.
  var count: Int? { nil }

  /// Whether the elements can be had by position: a `sequence`.
  var isIndexed: Bool { false }

  /// The element at a position counted from the start and known to be below `count`, where `isIndexed`.
  func element(at position: Int) -> JinjaValue { .none }

  /// Whether it can be iterated over.
  var isIterable: Bool { count != nil }

  /// All elements; nil for what cannot be iterated over. One-shot iterators give them once.
  func elements(_ evaluator: Evaluator) throws(TemplateError) -> JinjaArray? { nil }

  /// Whether it can be called.
  var isCallable: Bool { false }

  /// Calls it.
  func call(_ evaluator: Evaluator, _ arguments: Arguments) throws(TemplateError) -> JinjaValue {
    throw .type("'\(typeName)' object is not callable")
  }
}
