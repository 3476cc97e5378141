/// A statement, or the text between two.
indirect enum Statement: Sendable {
  case text(String)
  /// `{{ expression }}`.
  case print(Expression, line: Int)
  case condition([Branch], otherwise: [Statement])
  case loop(Loop)
  case assignment(Target, Expression, line: Int)
  /// `{% set target | filter %}…{% endset %}`.
  case capture(Target, filters: [NamedCall], body: [Statement], line: Int)
  case macro(MacroDefinition)
  case call(CallBlock)
  /// `{% filter name %}…{% endfilter %}`.
  case filter([NamedCall], body: [Statement], line: Int)
  case with([(target: Target, value: Expression)], body: [Statement], line: Int)
  /// A block whose variables are its own: `generation` and `block`.
  case scope([Statement])
  /// `include`, `import`, `from` and `extends`: nothing is ever loaded, so that running it is an error.
  case load(tag: String, line: Int)
  case breakLoop
  case continueLoop
}

/// One `if` or `elif`.
struct Branch: Sendable {
  let condition: Expression
  let body: [Statement]
  let line: Int
}

/// `{% for target in sequence if condition recursive %}…{% else %}…{% endfor %}`.
struct Loop: Sendable {
  let target: Target
  let sequence: Expression
  let condition: Expression?
  let isRecursive: Bool
  let body: [Statement]
  let otherwise: [Statement]
  let line: Int
}

/// What can be assigned to.
indirect enum Target: Sendable {
  case name(String)
  /// An attribute of a namespace.
  case attribute(of: String, name: String)
  case tuple([Target])
}

/// `{% macro name(parameters) %}…{% endmacro %}`, and the body of a `call` block.
struct MacroDefinition: Sendable {
  let name: String
  let parameters: [(name: String, defaultValue: Expression?)]
  let body: [Statement]
  /// Which of the special names the body mentions, and so may be given.
  let mentions: SpecialNames
  let line: Int
}

/// `{% call(parameters) macro(arguments) %}…{% endcall %}`.
struct CallBlock: Sendable {
  let call: Expression
  let caller: MacroDefinition
  let line: Int
}

/// Names that mean something in a macro only because its body mentions them.
struct SpecialNames: OptionSet, Sendable {
  let rawValue: Int

  static let caller = SpecialNames(rawValue: 1)
  static let keywordArguments = SpecialNames(rawValue: 2)
  static let variableArguments = SpecialNames(rawValue: 4)

  init(rawValue: Int) { self.rawValue = rawValue }

  init(_ name: String) {
    switch name {
    case "caller": self = .caller
    case "kwargs": self = .keywordArguments
    case "varargs": self = .variableArguments
    default: self = []
    }
  }
}
