// Templates: the Jinja dialect in which models carry their chat formats, as a sandboxed interpreter. A template is
// code from a stranger's file, so everything it may consume (steps, bytes, nesting) is bounded by `TemplateLimits`, and
// nothing outside its own variables can be reached from it. This room knows nothing of models.

import KingletErrors

/// A compiled template: source text turned into a tree that can be rendered any number of times, from any thread.
///
/// The language is that of jinja2 3.1 as transformers sets it up for chat templates: `trim_blocks`, `lstrip_blocks`,
/// loop controls, the `generation` tag, `tojson` without HTML escaping, `raise_exception`, `strftime_now`, and the
/// immutable sandbox (lists and dictionaries cannot be changed in place).
public struct Template: Sendable {
  let body: [Statement]

  /// Compiles `source`.
  ///
  /// - Throws: `.template`, located at the line, when the source is not a valid template or exceeds `limits`.
  public init(_ source: String, limits: TemplateLimits = .default) throws(KingletError) {
    do {
      self = try Template(compiling: source, limits: limits)
    } catch {
      throw error.asKingletError
    }
  }

  /// Renders the template.
  ///
  /// - Parameters:
  ///   - variables: what the template sees by name, besides the functions of the language.
  ///   - limits: what the rendering may consume.
  ///   - clock: the time that `strftime_now` prints.
  /// - Throws: `.template`, located at the line, when the template fails, refuses its input (`raise_exception`, whose
  ///   text becomes the message, unchanged) or exceeds `limits`.
  public func render(
    _ variables: [String: JinjaValue] = [:], limits: TemplateLimits = .default, clock: TemplateClock = .system
  ) throws(KingletError) -> String {
    do {
      return try evaluate(variables, limits: limits, clock: clock)
    } catch {
      throw error.asKingletError
    }
  }

  /// As the public initialiser, with the error's kind kept.
  init(compiling source: String, limits: TemplateLimits = .default) throws(TemplateError) {
    guard source.utf8.count <= limits.maximumSourceBytes else {
      throw .limit("the template is longer than \(limits.maximumSourceBytes) bytes")
    }
    var lexer = Lexer(source)
    var parser = Parser(tokens: try lexer.tokens(), maximumNesting: limits.maximumSyntaxNesting)
    body = try parser.template()
  }

  /// As `render`, with the error's kind kept.
  func evaluate(
    _ variables: [String: JinjaValue], limits: TemplateLimits = .default, clock: TemplateClock = .system
  ) throws(TemplateError) -> String {
    let evaluator = Evaluator(limits: limits, clock: clock)
    defer { evaluator.releaseCycles() }
    return try evaluator.render(body, variables: variables)
  }
}
