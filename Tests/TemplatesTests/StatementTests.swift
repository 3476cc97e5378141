import Testing

@testable import KingletTemplates

/// What each template gives, as jinja2 3.1.6 renders it.
@Suite("Statements")
struct StatementTests {
  @Test("Conditions, loops, assignments, macros and scopes", arguments: cases)
  func renders(source: String, expected: String) {
    #expect(Outcome(source) == .output(expected))
  }

  static let cases: [(String, String)] = [
    ("{% if 0 %}a{% elif 1 %}b{% else %}c{% endif %}", "b"),
    (
      "{% for x in [1, 2, 3] %}{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ loop.revindex }} {% endfor %}",
      "1TrueFalse3 2FalseFalse2 3FalseTrue1 "
    ),
    (
      "{% for x in [1, 2, 3] if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% else %}none{% endfor %}",
      "1/2:2 2/2:3 "
    ),
    ("{% for x in [] %}x{% else %}none{% endfor %}", "none"),
    (
      """
      {% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}{% for (a, b), c in [((1, 2), 3)] %}\
      {{ a }}{{ b }}{{ c }}{% endfor %}
      """,
      "a1123"
    ),
    (
      """
      {% for x in 'ab' %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {{ loop.cycle('p', 'q') }} \
      {{ loop.changed(1) }} {% endfor %}
      """,
      "<a>b p True a<b> q False "
    ),
    (
      """
      {% for x in range(9) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}\
      {% endif %}{{ x }}{% endfor %}
      """,
      "023"
    ),
    (
      """
      {% for x in [1, [2, [3]]] recursive %}{% if x is iterable %}<{{ loop(x) }}>{% else %}{{ x }}@\
      {{ loop.depth }}{% endif %}{% endfor %}
      """,
      "1@1<2@2<3@3>>"
    ),
    (
      """
      {% set ns = namespace(f=false) %}{% for x in [1, 2, 3] if not ns.f %}{{ x }}{% if x == 2 %}\
      {% set ns.f = true %}{% endif %}{% endfor %}
      """,
      "12"
    ),
    (
      """
      {% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}{% if true %}\
      {% set x = 3 %}{% endif %}{{ x }}
      """,
      "213"
    ),
    ("{% set a, (b, c) = 1, (2, 3) %}{{ a }}{{ b }}{{ c }}", "123"),
    ("{% set x | upper | trim %} a{{ 1 }} {% endset %}[{{ x }}]", "[A1]"),
    (
      """
      {% set ns = namespace({'a': 1}, b=2) %}{% for i in range(3) %}{% set ns.a = ns.a + i %}\
      {% endfor %}{{ ns.a }}{{ ns.b }}[{{ ns.c }}]
      """,
      "42[]"
    ),
    (
      """
      {% macro f(a, b='d', c=b) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(1) }} {{ f(1, c=3) }} \
      {{ f(b=2, a=4) }} [{{ f() }}]
      """,
      "1dd 1d3 422 [dd]"
    ),
    (
      """
      {% macro f(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, k=3) }}\
      {{ f(*[1, 2], **{'z': 3}) }}
      """,
      "1(2,){'k': 3}1(2,){'z': 3}"
    ),
    (
      """
      {% macro box(t) %}<{{ t }}>{{ caller(t) }}</{{ t }}>{% endmacro %}{% call(x) box('p') %}hi \
      {{ x }}{% endcall %}
      """,
      "<p>hi p</p>"
    ),
    ("{% macro f(n) %}{{ n }}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(4) }}", "43210"),
    ("{% set x = 1 %}{% macro f() %}{{ x }}{% set x = 9 %}{% endmacro %}{% set x = 2 %}{{ f() }}{{ x }}", "22"),
    ("{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}[{{ a }}]", "3[]"),
    ("{% filter upper %}a{{ 'b' }}{% endfilter %}", "AB"),
    ("{% generation %}{% set x = 1 %}a{% endgeneration %}[{{ x }}]", "a[]"),
    ("{% raw %}{{ x }} {% if %}{% endraw %}{# {{ hidden }} #}", "{{ x }} {% if %}"),
    ("{% block b %}x{% endblock b %}", "x"),
    ("{% if false %}{{ 1 | nofilter }}{{ 1 is notest }}{% include 'x' %}{% endif %}ok", "ok"),
  ]
}
