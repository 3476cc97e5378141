import Testing

@testable import KingletTemplates

/// What each template gives, as jinja2 3.1.6 renders it.
@Suite("Whitespace")
struct WhitespaceTests {
  @Test("Line ends and indentation around tags", arguments: cases)
  func renders(source: String, expected: String) {
    #expect(Outcome(source) == .output(expected))
  }

  static let cases: [(String, String)] = [
    ("a\n{% if true %}\nb\n{% endif %}\nc\n", "a\nb\nc"),
    ("  {% if true %}\n  x\n  {% endif %}\nend", "  x\nend"),
    ("a \n {%- if true -%} \n b \n {%- endif -%} \n c", "abc"),
    ("a\n  {%+ if true %}b{% endif +%}\nc", "a\n  b\nc"),
    ("a \n {{- 1 -}} \n b", "a1b"),
    ("a\n  {# c #}\nb {#- d -#} e", "a\nbe"),
    ("x\n", "x"),
    ("x\n\n", "x\n"),
    ("a  {% if true %}b{% endif %}  c", "a  b  c"),
    ("a\r\n{% if true %}\r\nb\r\n{% endif %}\rc", "a\nb\nc"),
    ("{{ 1 }}\n{{ 2 }}\n", "1\n2"),
    ("a\n{% raw %}\n b \n{% endraw %}\nc", "a\n\n b \nc"),
    ("a{%- raw -%}  b  {%- endraw -%}  c", "abc"),
    ("\t{% if true %}x{% endif %}\t\n", "x\t"),
    ("a\n\u{3000}{% if true %}b{% endif %}", "a\nb"),
    ("{% set x = 1 %}\n{% set y = 2 %}\n{{ x }}{{ y }}", "12"),
  ]
}
