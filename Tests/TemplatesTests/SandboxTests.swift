import Testing

@testable import KingletTemplates

@Suite("The sandbox")
struct SandboxTests {
  @Test(
    "What would change a list or dictionary, load a file or reach into Python is refused",
    arguments: [
      "{{ [].append(1) }}", "{{ {}.update({}) }}", "{{ {'a': 1}.pop('a') }}", "{{ [1].sort() }}",
      "{{ ''.__class__.x }}",
      "{{ ''.__class__() }}", "{{ x.append.__globals__ }}", "{% include '/etc/passwd' %}", "{% import 'x' as y %}",
      "{% extends 'x' %}", "{% from 'x' import y %}", "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
      "{{ raise_exception.__globals__.x }}", "{{ ('x' | attr('__class__')).y }}", "{{ '{0.__class__}'.format('x') }}",
    ])
  func refused(source: String) {
    guard case .failure(let kind, _) = Outcome(source) else { return #expect(Bool(false), "no error") }
    #expect([.security, .undefined].contains(kind))
  }

  /// Budgets small enough that each template exceeds exactly the one it is written for.
  private static let small = TemplateLimits(
    maximumSourceBytes: 4096, maximumSyntaxNesting: 20, maximumDepth: 60, maximumValueDepth: 10, maximumSteps: 20_000,
    maximumValueBytes: 1 << 16, maximumTotalBytes: 1 << 19)

  @Test(
    "Every budget ends in an error that names it",
    arguments: [
      (String(repeating: "x", count: 5000), "longer than 4096 bytes"),
      ("{{ " + String(repeating: "(", count: 30) + "1" + String(repeating: ")", count: 30) + " }}", "20 levels"),
      (String(repeating: "{% if 1 %}", count: 30) + String(repeating: "{% endif %}", count: 30), "20 levels"),
      ("{{ " + String(repeating: "not ", count: 30) + "1 }}", "20 levels"),
      ("{{ " + String(repeating: "-", count: 30) + "1 }}", "20 levels"),
      ("{{ " + String(repeating: "a[", count: 30) + "1" + String(repeating: "]", count: 30) + " }}", "20 levels"),
      ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "60 levels"),
      ("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "60 levels"),
      ("{% set n = namespace(x=0) %}{% for i in range(20) %}{% set n.x = [n.x] %}{% endfor %}", "10 levels"),
      ("{% set n = namespace(x=0) %}{% for i in range(20) %}{% set n.x = joiner(n.x) %}{% endfor %}", "10 levels"),
      ("{% set n = namespace() %}{% set n.x = n %}{{ n }}", "10 levels"),
      ("{% for i in range(99) %}{% for j in range(99) %}{% endfor %}{% endfor %}", "20000 steps"),
      ("{% for i in range(99) %}{% for j in range(99) %}{{ j }}{% endfor %}{% endfor %}", "20000 steps"),
      ("{{ 'x' * 70000 }}", "larger than 65536 bytes"), ("{{ 'x' | center(70000) }}", "larger than 65536 bytes"),
      ("{{ '%70000d' % 1 }}", "larger than 65536 bytes"), ("{{ [1] | tojson(indent=70000) }}", "larger than"),
      ("{{ [0] * 9999999999 }}", "larger than"), ("{{ 'ab'.replace('a', 'x' * 60000) * 9 }}", "larger than"),
      ("{% for i in range(99) %}{{ 'x' * 60000 }}{% endfor %}", "larger than 65536 bytes"),
      ("{% for i in range(99) %}{% set x = 'x' * 60000 %}{% endfor %}", "524288 bytes of text"),
      (
        "{% set n = namespace(x=0) %}{% for i in range(9) %}{% set n.x = (n.x, n.x) %}{% endfor %}"
          + "{{ n.x in {n.x: 1} }}{% for i in range(99) %}{{ n.x == n.x }}{% endfor %}", "20000 steps"
      ),
    ])
  func limits(source: String, message: String) {
    guard case .failure(let kind, let text) = Outcome(source, limits: Self.small) else {
      return #expect(Bool(false), "no error")
    }
    #expect(kind == .limit)
    #expect(text.contains(message), "\(text)")
  }

  @Test(
    "Numbers beyond 64 bits are an error, never a trap",
    arguments: [
      "{{ 9223372036854775807 + 1 }}", "{{ 9 ** 9 ** 9 }}", "{{ 99999999999999999999 }}", "{{ 1e300 | int }}",
      "{{ (-9223372036854775807 - 1) // -1 }}", "{{ (-9223372036854775807 - 1) | abs }}", "{{ 2.0 ** 9999 }}",
      "{{ range(-9223372036854775807, 9223372036854775807) }}", "{{ range(100001) }}", "{{ 0xFFFFFFFFFFFFFFFFF }}",
    ])
  func overflow(source: String) {
    guard case .failure(let kind, _) = Outcome(source) else { return #expect(Bool(false), "no error") }
    #expect(kind == .overflow)
  }

  @Test(
    "Extreme indices are clamped",
    arguments: [
      ("{{ 'abc'[-9223372036854775807:9223372036854775807] }}", "abc"),
      ("{{ [1, 2, 3][::9223372036854775807] }}{{ [1, 2, 3][::-9223372036854775807] }}", "[1][3]"),
      ("[{{ [1][9223372036854775807] }}{{ [1][-9223372036854775807] }}]", "[]"),
      ("{{ 'abc'.find('a', -9223372036854775807, 9223372036854775807) }}", "0"),
      ("{{ 'a b'.split(' ', -9223372036854775807) }}{{ 'a' * -9223372036854775807 }}", "['a', 'b']"),
      ("{{ range(9223372036854775806, 9223372036854775807, 5) | list }}", "[9223372036854775806]"),
    ])
  func extremes(source: String, expected: String) {
    #expect(Outcome(source) == .output(expected))
  }

  @Test("Long chains of operators and filters are no nesting")
  func chains() {
    #expect(Outcome("{{ 0" + String(repeating: " + 1", count: 5000) + " }}") == .output("5000"))
    #expect(Outcome("{{ 'a'" + String(repeating: " | string", count: 5000) + " }}") == .output("a"))
    #expect(
      Outcome("{% if 0 %}" + String(repeating: "{% elif 0 %}", count: 5000) + "{% else %}x{% endif %}") == .output("x"))
  }

  @Test("Values that hold themselves are freed with the rendering")
  func cycles() throws {
    weak var scope: Scope?
    weak var namespace: Namespace?
    do {
      let source = "{% macro f() %}{{ f }}{% endmacro %}{% set ns = namespace(f=f) %}{% set ns.me = [ns] %}"
      let evaluator = Evaluator(limits: .default, clock: .system)
      _ = try evaluator.render(try Template(compiling: source).body, variables: [:])
      scope = evaluator.scope
      guard case .object(let object)? = scope?.value(of: "ns") else { return #expect(Bool(false)) }
      namespace = object as? Namespace
      #expect(namespace != nil)
      evaluator.releaseCycles()
    }
    #expect(scope == nil)
    #expect(namespace == nil)
  }
}
