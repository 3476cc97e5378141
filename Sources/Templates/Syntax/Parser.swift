/// Builds the tree of a template from its tokens, by recursive descent. This file holds what statements and expressions
/// share: moving through the tokens, errors, and the bound on nesting that keeps the descent within its stack.
struct Parser {
  private let tokens: [Token]
  private var index = 0
  private let maximumNesting: Int
  private var nesting = 0

  /// Special names met in the macro being parsed.
  var mentions: SpecialNames = []
  /// Whether `break` and `continue` have a loop to act on.
  var isInLoop = false
  /// Whether the code being parsed may never run, so that a filter nobody knows is an error only once it does.
  var isConditional = false
  /// The first unknown filter or test in code that always runs.
  var unknownName: TemplateError?

  /// - Parameter tokens: tokens of which the last is `.end`.
  init(tokens: [Token], maximumNesting: Int) {
    self.tokens = tokens
    self.maximumNesting = maximumNesting
  }

  /// The whole template.
  mutating func template() throws(TemplateError) -> [Statement] {
    try statements(until: [], of: "")
  }

  var current: Token { tokens[index] }
  var next: Token { tokens[min(index + 1, tokens.count - 1)] }
  var line: Int { current.line }

  mutating func advance() {
    if index < tokens.count - 1 { index += 1 }
  }

  func isAt(_ mark: Token.Mark) -> Bool { current.kind == .mark(mark) }
  func isAt(name: String) -> Bool { current.kind == .name(name) }

  /// Moves past `mark` if it comes next.
  mutating func skip(_ mark: Token.Mark) -> Bool {
    guard isAt(mark) else { return false }
    advance()
    return true
  }

  mutating func skip(name: String) -> Bool {
    guard isAt(name: name) else { return false }
    advance()
    return true
  }

  mutating func expect(_ kind: Token.Kind) throws(TemplateError) {
    guard current.kind == kind else { throw unexpected(wanted: Token(kind: kind, line: line).description) }
    advance()
  }

  mutating func expect(_ mark: Token.Mark) throws(TemplateError) { try expect(.mark(mark)) }

  mutating func expectName() throws(TemplateError) -> String {
    guard case .name(let name) = current.kind else { throw unexpected(wanted: "name") }
    advance()
    return name
  }

  func unexpected(wanted: String) -> TemplateError {
    if current.kind == .end { return failure("unexpected end of template, expected '\(wanted)'.") }
    return failure("expected token '\(wanted)', got '\(current.description)'")
  }

  func failure(_ message: String) -> TemplateError { .syntax(message, line: line) }

  /// Enters one level of nesting; every call is paired with `leave`.
  mutating func enter() throws(TemplateError) {
    guard nesting < maximumNesting else {
      throw TemplateError(.limit, "the template is nested more than \(maximumNesting) levels deep", line: line)
    }
    nesting += 1
  }

  mutating func leave() { nesting -= 1 }

  /// Notes the use of a filter or test; unknown ones are reported at the end of the statement, see `unknownName`.
  mutating func note(_ kind: String, _ name: String, isKnown: Bool) {
    guard !isKnown, !isConditional, unknownName == nil else { return }
    unknownName = failure("No \(kind) named '\(name)'.")
  }
}
