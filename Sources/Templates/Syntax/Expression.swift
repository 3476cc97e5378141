/// An expression. Chains of operators and of postfixes are flat lists, not nested nodes: however long a chain is, it is
/// as deep as its deepest operand, so the depth of a tree is that of the brackets in the source, which the parser
/// bounds.
indirect enum Expression: Sendable {
  case literal(JinjaValue)
  case name(String)
  case array([Expression])
  case tuple([Expression])
  case dictionary([(key: Expression, value: Expression)])
  /// Arithmetic operators of equal precedence, applied from left to right.
  case arithmetic(Expression, [(operation: ArithmeticOperator, operand: Expression)])
  /// `a ~ b ~ c`.
  case concatenation([Expression])
  /// `a < b <= c`: each operand is compared with its neighbour.
  case comparison(Expression, [(operation: ComparisonOperator, operand: Expression)])
  case and([Expression])
  case or([Expression])
  case not(Expression)
  case negative(Expression)
  case positive(Expression)
  /// `base if condition else otherwise if condition else otherwise`: the last condition decides first.
  case conditional(Expression, [(condition: Expression, otherwise: Expression?)])
  case postfix(Expression, [Postfix])
}

/// What may follow an operand.
enum Postfix: Sendable {
  case attribute(String)
  case element(Expression)
  case slice(start: Expression?, stop: Expression?, step: Expression?)
  case call(ArgumentList, line: Int)
  case filter(NamedCall)
  case test(NamedCall, isNegated: Bool)
}

/// The arguments of a call as written.
struct ArgumentList: Sendable {
  var positional: [Expression] = []
  var named: [(name: String, value: Expression)] = []
  /// `*rest` and `**options`.
  var spreadPositional: Expression?
  var spreadNamed: Expression?
}

/// The use of a filter or of a test.
struct NamedCall: Sendable {
  let name: String
  let arguments: ArgumentList
  let line: Int
}

enum ArithmeticOperator: String, Sendable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case floorDivide = "//"
  case modulo = "%"
  case power = "**"
}

enum ComparisonOperator: String, Sendable {
  case equal = "=="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
  case isIn = "in"
  case isNotIn = "not in"
}
