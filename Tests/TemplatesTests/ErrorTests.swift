import KingletErrors
import Testing

@testable import KingletTemplates

@Suite("Errors of templates")
struct ErrorTests {
  @Test("A refusal carries the template's own words and the line")
  func refusal() {
    let source = "line one\n{% if true %}\n  {{ raise_exception(\n    'Roles must' ~ ' alternate.') }}\n{% endif %}"
    let error = #expect(throws: KingletError.self) { try Template(source).render() }
    #expect(error == KingletError(.template, "Roles must alternate.", at: "line 3"))
  }

  @Test(
    "Errors are located at their line",
    arguments: [
      ("a\n\n{{ x.y }}", 3), ("{% set a = 1 %}\n{{ a + 'b' }}", 2), ("{#\n\n#}\n{{ 1 +", 4), ("\n{% if x %}\n\n", 3),
      ("{% macro f() %}\n\n{{ nope() }}{% endmacro %}\n{{ f() }}", 3), ("{{ 'a\nb' }}\n{{ 1 | nofilter }}", 3),
      ("{% macro f() %}\nx\n{% endmacro %}\n{{ f() ~ nope.x }}", 4), ("{% raw %}\n{% endraw %}\n{% foo %}", 3),
    ])
  func location(source: String, line: Int) {
    let error = #expect(throws: KingletError.self) { try Template(source).render() }
    #expect(error?.code == .template)
    #expect(error?.location == "line \(line)")
  }

  @Test(
    "Mistakes in the source",
    arguments: [
      ("{{ x ", "unexpected end of template, expected 'end of print statement'."),
      ("{{ 'abc }}", "unexpected char"),
      ("{% foo %}", "Encountered unknown tag 'foo'."), ("a{% endif %}", "Encountered unknown tag 'endif'."),
      ("{% if x %}a", "'elif' or 'else' or 'endif'"),
      ("{{ x = 1 }}", "expected token 'end of print statement', got '='"),
      ("{{ 1 | nope }}", "No filter named 'nope'."), ("{{ 1 is nope }}", "No test named 'nope'."),
      ("a {# b", "Missing end of comment tag"), ("{% raw %}a", "Missing end of raw directive"),
      ("{{ (1] }}", "unexpected ']', expected ')'"), ("{{ [1, 2 }}", "unexpected '}'"),
      ("{{ }}", "Expected an expression"),
      ("{% break %}", "'break' outside loop"), ("{% set 1 = 2 %}", "expected token 'name', got 'integer'"),
      ("{{ f(a=1, 2) }}", "invalid syntax for function call"), ("{% macro f(a=1, b) %}", "non-default argument"),
      ("{{ '\\x4' }}", "is not the number of a character"), ("{{ 01 }}", "unexpected char '0'"),
      ("{% for loop in [] %}{% endfor %}", "special loop variable"),
      ("{% for x in [] %}{{ x | nope }}{% endfor %}", "No filter named 'nope'."),
    ])
  func syntax(source: String, message: String) {
    guard case .failure(let kind, let text) = Outcome(source) else { return #expect(Bool(false), "no error") }
    #expect(kind == .syntax)
    #expect(text.contains(message), "\(text)")
  }

  @Test(
    "Mistakes that show when the template runs",
    arguments: [
      ("{{ x.y }}", .undefined, "'x' is undefined"), ("{{ {}.a.b }}", .undefined, "'dict object' has no attribute 'a'"),
      ("{{ none.x.y }}", .undefined, "'None' has no attribute 'x'"), ("{{ [][0].x }}", .undefined, "has no element 0"),
      ("{{ 'a' + 1 }}", .type, "can only concatenate str (not \"int\") to str"),
      ("{{ x() }}", .undefined, "'x' is undefined"),
      ("{{ 1 < 'a' }}", .type, "'<' not supported between instances of 'int' and 'str'"),
      ("{% for x in none %}{% endfor %}", .type, "'NoneType' object is not iterable"),
      ("{{ 1 / 0 }}", .value, "division by zero"),
      ("{{ ','.join([1]) }}", .type, "sequence item 0: expected str instance, int found"),
      ("{{ x | tojson }}", .type, "Object of type Undefined is not JSON serializable"),
      ("{{ [1] | map('string') | tojson }}", .type, "generator is not JSON serializable"),
      ("{{ {[]: 1} }}", .type, "unhashable type: 'list'"),
      ("{% set a, b = [1] %}", .value, "not enough values to unpack"),
      ("{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", .type, "takes not more than 1 argument(s)"),
      ("{{ 'a'.split('') }}", .value, "empty separator"), ("{{ [1][::0] }}", .value, "slice step cannot be zero"),
      ("{{ 'a'.index('b') }}", .value, "substring not found"),
      ("{{ 'a' | upper(1) }}", .type, "takes at most 0 arguments"),
      ("{{ [1] | tojson(foo=1) }}", .type, "unexpected keyword argument 'foo'"),
      ("{{ '%d' % 'a' }}", .type, "a real number"),
      ("{{ '{}'.format() }}", .key, "Replacement index 0 out of range"), ("{{ 5 | items }}", .type, "from a mapping"),
      ("{% if true %}{{ 1 | nope }}{% endif %}", .runtime, "No filter named 'nope' found."),
    ] as [(String, TemplateError.Kind, String)])
  func runtime(source: String, kind: TemplateError.Kind, message: String) {
    guard case .failure(let found, let text) = Outcome(source) else { return #expect(Bool(false), "no error") }
    #expect(found == kind)
    #expect(text.contains(message), "\(text)")
  }
}
