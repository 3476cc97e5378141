/// A value as templates see it. The semantics are Python's: `true` is a number, `1` equals `1.0`, texts are sequences
/// of code points, and lists and dictionaries print as they do there.
public enum JinjaValue: Sendable {
  /// What a missing variable, attribute or element gives; it prints as nothing, and fails when it is used otherwise.
  case undefined(Undefined)
  case none
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  /// A text marked as HTML by the filters `safe` and `escape`: texts joined to it are escaped.
  case markup(String)
  case array(JinjaArray)
  case tuple(JinjaArray)
  case dictionary(JinjaDictionary)
  /// Functions, macros, namespaces and the like, which only a running template makes.
  case object(JinjaObject)

  /// Why a value is undefined: the text of the error that its use raises.
  public struct Undefined: Sendable {
    /// A class, so that the rarest of values does not make all others larger.
    private final class Reason: Sendable {
      let error: TemplateError
      init(_ error: TemplateError) { self.error = error }
    }
    private let reason: Reason

    init(_ message: String, kind: TemplateError.Kind = .undefined) {
      reason = Reason(TemplateError(kind, message))
    }

    var error: TemplateError { reason.error }
  }

  /// An undefined value whose use fails with `message`.
  static func undefined(_ message: String) -> JinjaValue { .undefined(Undefined(message)) }

  /// The text of a string, marked as HTML or not; nil for all other values.
  var text: String? {
    switch self {
    case .string(let text), .markup(let text): text
    default: nil
    }
  }

  /// The number that an integer or a truth value is; nil for all other values.
  var integer: Int? {
    switch self {
    case .int(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  /// The number that an integer, a float or a truth value is; nil for all other values.
  var number: Double? {
    if case .double(let value) = self { return value }
    return integer.map(Double.init)
  }

  var isUndefined: Bool {
    if case .undefined = self { return true }
    return false
  }

  /// Levels of containers, 0 for a scalar. Containers know theirs, so this takes constant time.
  var depth: Int {
    switch self {
    case .array(let elements), .tuple(let elements): elements.depth
    case .dictionary(let dictionary): dictionary.depth
    case .object(let object): object.depth
    default: 0
    }
  }

  /// Python's name for the type, as error messages give it.
  var typeName: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "NoneType"
    case .bool: "bool"
    case .int: "int"
    case .double: "float"
    case .string: "str"
    case .markup: "Markup"
    case .array: "list"
    case .tuple: "tuple"
    case .dictionary: "dict"
    case .object(let object): object.typeName
    }
  }
}

extension JinjaValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .int(value) }
  public init(floatLiteral value: Double) { self = .double(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(nilLiteral: ()) { self = .none }
  public init(arrayLiteral elements: JinjaValue...) { self = .array(JinjaArray(elements)) }
  public init(dictionaryLiteral elements: (String, JinjaValue)...) {
    var dictionary = JinjaDictionary()
    for (key, value) in elements { dictionary[key] = value }
    self = .dictionary(dictionary)
  }
}
