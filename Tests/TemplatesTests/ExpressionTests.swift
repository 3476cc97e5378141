import Testing

@testable import KingletTemplates

/// What each template gives, as jinja2 3.1.6 renders it.
@Suite("Expressions")
struct ExpressionTests {
  @Test("Operators, literals, subscripts and truth", arguments: cases)
  func renders(source: String, expected: String) {
    #expect(Outcome(source) == .output(expected))
  }

  static let cases: [(String, String)] = [
    ("{{ 1 + 2 * 3 - 4 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }}", "3 3 -4 2 1024 0.5"),
    ("{{ -2 ** 2 }} {{ 2 ** 3 ** 2 }} {{ - - 1 }} {{ 1 - -1 }}", "4 64 1 2"),
    ("{{ 4 / 2 }} {{ 10 // 3.0 }} {{ -7.5 % 2 }} {{ true + true }}", "2.0 3.0 0.5 2"),
    ("{{ 'a' ~ 1 ~ none ~ true ~ [1] }}", "a1NoneTrue[1]"),
    ("{{ 'ab' * 3 }} {{ 2 * [0] }} {{ 'x' * -1 }}|{{ (1,) + (2,) }} {{ [1] + [2] }}", "ababab [0, 0] |(1, 2) [1, 2]"),
    ("{{ 1 < 2 <= 2 != 3 }} {{ 1 == 1.0 == true }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }}", "True True True True"),
    ("{{ 'a' in 'abc' }} {{ 2 not in [1] }} {{ 'k' in {'k': 1} }} {{ not 'a' in 'b' }}", "True True True True"),
    ("{{ 0 or 'x' }} {{ '' and 1 }}|{{ none or [] }} {{ not '' }} {{ 1 and 2 }}", "x |[] True 2"),
    ("{{ 'y' if 0 else 'n' }} {{ 'a' if 0 else 'b' if 0 else 'c' }} [{{ 'only' if 0 }}]", "n c []"),
    (
      "{{ [1, 'a', true, none, 2.5] }} {{ {'a': 1, 2: [none]} }} {{ (1,) }} {{ () }}",
      "[1, 'a', True, None, 2.5] {'a': 1, 2: [None]} (1,) ()"
    ),
    ("{{ 1, 2 }}", "(1, 2)"),
    ("{{ {1: 'a', 1.0: 'b', true: 'c'} }} {{ {'a': 1, 'a': 2} }}", "{1: 'c'} {'a': 2}"),
    (#"{{ ['it\'s', '"', '\'"', 'n\n', '\x00\xa0', 'é'] }}"#, #"["it's", '"', '\'"', 'n\n', '\x00\xa0', 'é']"#),
    ("{{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1_000 }} {{ 1e3 }} {{ 1.5e-7 }}", "31 5 15 1000 1000.0 1.5e-07"),
    (#"{{ 'a' 'b' }} {{ '\x41\u00e9\101\d\'' }}"#, #"ab AéA\d'"#),
    (
      "{{ 1e16 }} {{ 1e15 }} {{ 123456789012345678.0 }} {{ 1e-4 }} {{ 1e-5 }} {{ -0.0 }}",
      "1e+16 1000000000000000.0 1.2345678901234568e+17 0.0001 1e-05 -0.0"
    ),
    ("{{ 0.1 + 0.2 }} {{ 5e-324 }}", "0.30000000000000004 5e-324"),
    ("{{ [1,2,3,4,5][1:-1] }} {{ [1,2,3][::-1] }} {{ [1,2,3][::2] }} {{ [1][9:] }}", "[2, 3, 4] [3, 2, 1] [1, 3] []"),
    ("{{ (1,2,3)[:2] }} {{ [1,2,3][-1] }}", "(1, 2) 3"),
    (#"{{ 'hællo'[1:3] }}{{ 'hællo'[-1] }}{{ 'hællo'[::-1] }}{{ 'e\u0301'|length }}"#, "æloollæh2"),
    (#"{{ '\r\n'|length }}"#, "2"),
    ("{{ {'a': {'b': [{'c': 'ok'}]}}.a.b[0].c }} {{ [['x']].0.0 }} {{ {'items': 5}['items'] }}", "ok x 5"),
    (
      "[{{ x }}] [{{ {}.x }}] [{{ [][3] }}] {{ x is defined }} {{ x|default('d') }} {{ (1 if 0) is defined }}",
      "[] [] [] False d False"
    ),
    ("{{ '}}' }}{{ {'a': {'b': 1}}['a']['b'] }}{{ '%}' }}", "}}1%}"),
    (#"{{ 'é' == 'e\u0301' }} {{ {'é': 1, 'e\u0301': 2}|length }}"#, "False 2"),
    ("{{ 5 is odd }} {{ 4 is divisibleby 2 }} {{ 1 is not none }} {{ not 1 is none }}", "True True True True"),
    ("{{ 'a' ~ 'b' is string }} {{ 1 is in [1] }} {{ 2 is gt 1 and true }}", "aTrue True True"),
  ]
}
