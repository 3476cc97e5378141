import KingletErrors

/// What went wrong inside a template, before it becomes a `KingletError`. The kinds are those of the reference's
/// exceptions, so that tests can tell a refusal from a mistake; messages follow Python's wording where users may know
/// it.
struct TemplateError: Error, Equatable {
  enum Kind: String {
    /// `raise_exception`: the template refuses its input, in its own words.
    case raised
    case syntax, undefined, type, value, key, overflow, runtime
    /// Something the sandbox does not let a template do.
    case security
    /// A budget of `TemplateLimits` is used up.
    case limit
  }

  var kind: Kind
  var message: String
  var line: Int?

  init(_ kind: Kind, _ message: String, line: Int? = nil) {
    self.kind = kind
    self.message = message
    self.line = line
  }

  static func syntax(_ message: String, line: Int) -> TemplateError { TemplateError(.syntax, message, line: line) }
  static func type(_ message: String) -> TemplateError { TemplateError(.type, message) }
  static func value(_ message: String) -> TemplateError { TemplateError(.value, message) }
  static func overflow(_ message: String = "integer beyond 64 bits") -> TemplateError {
    TemplateError(.overflow, message)
  }
  static func limit(_ message: String) -> TemplateError { TemplateError(.limit, message) }

  /// The same error, at `line` unless it already knows a line of its own.
  func located(at line: Int) -> TemplateError { TemplateError(kind, message, line: self.line ?? line) }

  var asKingletError: KingletError {
    KingletError(.template, message, at: line.map { "line \($0)" }, remedy: remedy)
  }

  private var remedy: String? {
    switch kind {
    case .limit: "If the template is to be trusted, raise the limit in TemplateLimits"
    case .syntax: "Give another template with --template"
    default: nil
    }
  }
}
