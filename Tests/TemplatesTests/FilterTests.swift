import Testing

@testable import KingletTemplates

/// What each template gives, as jinja2 3.1.6 renders it.
@Suite("Filters")
struct FilterTests {
  @Test("Every filter", arguments: cases)
  func renders(source: String, expected: String) {
    #expect(Outcome(source) == .output(expected))
  }

  static let cases: [(String, String)] = [
    ("{{ 'hELLO wOrld' | upper }} {{ 'ÆØÅ' | lower }} {{ 'hELLO' | capitalize }}", "HELLO WORLD æøå Hello"),
    (#"{{ "they're (ok) a-b" | title }} {{ 'straße' | upper }}"#, "They're (Ok) A-B STRASSE"),
    (#"[{{ '  a \n' | trim }}] [{{ 'xxaxx' | trim('x') }}] {{ 3 | upper }} {{ none | string }}"#, "[a] [a] 3 None"),
    ("{{ 'aXbXc' | replace('X', '-') }} {{ 'aXbXc' | replace('X', '-', 1) }}", "a-b-c a-bXc"),
    ("{{ 'ab' | replace('', '.') }}", ".a.b."),
    (#"{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|"#, "a\n    b\n\n    c|  a\n  b|"),
    (#"{{ 'a\n\nb' | indent('> ', blank=true) }}"#, "a\n> \n> b"),
    ("{{ 'hello big world' | truncate(9) }} {{ 'hello' | truncate(4, true, '…', 0) }}", "hello... hel…"),
    ("{{ 'ab' | center(7) }}|", "   ab  |"),
    ("{{ 'The quick brown fox' | wordwrap(10) }} {{ 'a b-c d_e' | wordcount }}", "The quick\nbrown fox 4"),
    ("{{ '%s is %05.1f' | format('a', 2.25) }} {{ '%(a)s' | format(a=1) }}", "a is 002.2 1"),
    ("{{ [1, 'a', none] | join(', ') }}", "1, a, None"),
    ("{{ [{'n': 1}, {'n': 2}] | join('/', attribute='n') }} {{ 'abc' | join('.') }}", "1/2 a.b.c"),
    ("{{ [1, 2, 3] | first }}{{ [1, 2, 3] | last }}[{{ [] | first }}]{{ 'abc' | last }}", "13[]c"),
    ("{{ 'æb' | length }} {{ {'a': 1} | count }} {{ '😀' | list }} {{ {'a': 1} | list }}", "2 1 ['😀'] ['a']"),
    ("{{ [3, 1, 2] | sort }} {{ ['b', 'A', 'a'] | sort }}", "[1, 2, 3] ['A', 'a', 'b']"),
    ("{{ ['b', 'A'] | sort(case_sensitive=true, reverse=true) }}", "['b', 'A']"),
    ("{{ [{'n': 2}, {'n': 1}] | sort(attribute='n') }}", "[{'n': 1}, {'n': 2}]"),
    ("{{ {'b': 1, 'a': 2} | dictsort }}", "[('a', 2), ('b', 1)]"),
    ("{{ {'b': 1, 'a': 2} | dictsort(by='value', reverse=true) }}", "[('a', 2), ('b', 1)]"),
    ("{{ [1, 2, 1, 1.0] | unique | list }} {{ ['a', 'A'] | unique | list }}", "[1, 2] ['a']"),
    ("{{ [1, 2] | reverse | list }} {{ 'abc' | reverse }}", "[2, 1] cba"),
    (
      """
      {{ [1, 2, 3] | sum }} {{ [3, 1] | min }} {{ ['b', 'A'] | max }} \
      {{ [{'v': 1}, {'v': 5}] | sum(attribute='v', start=10) }} [{{ [] | max }}]
      """,
      "6 1 b 16 []"
    ),
    (
      """
      {{ ['a', 'b'] | map('upper') | list }} {{ [{'r': {'s': 'x'}}] | map(attribute='r.s') | list }} \
      {{ [{}] | map(attribute='z', default='-') | list }} {{ none | map('upper') | list }}
      """,
      "['A', 'B'] ['x'] ['-'] []"
    ),
    ("{{ [0, 1, 2, ''] | select | list }} {{ [1, 2, 3] | reject('odd') | list }}", "[1, 2] [2]"),
    ("{{ [1, 2, 3] | select('>', 1) | list }}", "[2, 3]"),
    (
      """
      {{ [{'r': 'u', 'c': 1}, {'r': 's', 'c': 2}] | selectattr('r', 'equalto', 'u') | map(attribute='c\
      ') | list }}
      """,
      "[1]"
    ),
    ("{{ [{'r': 0}] | rejectattr('r') | list }}", "[{'r': 0}]"),
    (
      """
      {% for g in [{'r': 'b', 'n': 1}, {'r': 'a', 'n': 2}, {'r': 'b', 'n': 3}] | groupby('r') %}\
      {{ g.grouper }}{{ g.list | length }}{{ g }} {% endfor %}
      """,
      "a1('a', [{'r': 'a', 'n': 2}]) b2('b', [{'r': 'b', 'n': 1}, {'r': 'b', 'n': 3}]) "
    ),
    (
      "{{ [1, 2, 3, 4, 5] | batch(2, 0) | list }} {{ [1, 2, 3, 4, 5] | slice(2) | list }}",
      "[[1, 2], [3, 4], [5, 0]] [[1, 2, 3], [4, 5]]"
    ),
    ("{{ '42' | int }} {{ 'x' | int(7) }} {{ '3.9' | int }} {{ '0x1f' | int(0, 16) }}", "42 7 3 31"),
    ("{{ -3.7 | int }} {{ '1.5' | float }} {{ 'x' | float }}", "-3 1.5 0.0"),
    ("{{ -3 | abs }} {{ 2.567 | round(2) }} {{ 2.5 | round }}", "3 2.57 2.0"),
    ("{{ 2.1 | round(0, 'ceil') }} {{ 15 | round(-1) }} {{ 123456789 | filesizeformat }}", "3.0 20 123.5 MB"),
    ("{{ 2048 | filesizeformat(true) }}", "2.0 KiB"),
    (
      #"{{ '<a href="x">&\'' | e }} {{ '<a>' | safe + '<b>' }} {{ ('%s' | safe) % '<' }}"#,
      "&lt;a href=&#34;x&#34;&gt;&amp;&#39; <a>&lt;b&gt; &lt;"
    ),
    ("{{ ['<' | safe] }}", "[Markup('<')]"),
    ("{{ 'a b/c?æ' | urlencode }} {{ {'a': 'x y'} | urlencode }}", "a%20b/c%3F%C3%A6 a=x+y"),
    ("{{ {'a': 1, 'b': none} | xmlattr }} {{ '<p>a <b>b</b></p> &lt;' | striptags }}", #" a="1" a b <"#),
    (
      #"""
      {{ {'b': [1, 2.0, none], 'é': '\n\"</x>'} | tojson }} \#
      {{ {'b': 1, 'a': {}} | tojson(indent=2, sort_keys=true) }} \#
      {{ 'é😀' | tojson(ensure_ascii=true) }} {{ [1, 2] | tojson(separators=(',', ':')) }}
      """#,
      "{\"b\": [1, 2.0, null], \"é\": \"\\n\\\"</x>\"} {\n  \"a\": {},\n  \"b\": 1\n} \"\\u00e9\\ud83d\\ude00\" [1,2]"
    ),
    ("{{ {'a': 1} | attr('a') }}|{{ 'x' | attr('upper') is callable }}", "|True"),
    ("{{ {'a': 1} | items | list }} {{ '' | d('x', true) }} {{ 1.0 | string ~ 'x' }}", "[('a', 1)] x 1.0x"),
  ]
}
