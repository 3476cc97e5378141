import Testing

@testable import KingletTemplates

/// What each template gives, as jinja2 3.1.6 renders it.
@Suite("Methods")
struct MethodTests {
  @Test("Methods of texts, lists and dictionaries", arguments: cases)
  func renders(source: String, expected: String) {
    #expect(Outcome(source) == .output(expected))
  }

  static let cases: [(String, String)] = [
    (
      #"[{{ ' a '.strip() }}][{{ ' a '.lstrip() }}][{{ 'xyax'.rstrip('xy') }}][{{ '\u3000a\u00a0'.strip() }}]"#,
      "[a][a ][xya][a]"
    ),
    (
      "{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.split(' ', 1) }}",
      "['a', 'b', '', 'c'] ['a', 'b'] ['a', 'b c']"
    ),
    ("{{ 'a b c'.rsplit(none, 1) }} {{ 'aaa'.rsplit('aa') }}", "['a b', 'c'] ['a', '']"),
    ("{{ 'abc'.startswith(('x', 'a')) }} {{ 'abc'.endswith('bc') }}", "True True"),
    (#"{{ 'abc'.startswith('b', 1) }} {{ 'e\u0301'.startswith('e') }}"#, "True True"),
    ("{{ 'aaa'.replace('a', 'b', 2) }} {{ 'aBc'.swapcase() }} {{ 'aB cD'.title() }}", "bba AbC Ab Cd"),
    ("{{ 'ΑΣ ΣΑ'.lower() }} {{ 'ß'.upper() }}", "ας σα SS"),
    ("{{ 'æbcæbc'.find('c') }} {{ 'æbcæbc'.rfind('c') }} {{ 'abc'.find('z') }}", "2 5 -1"),
    ("{{ 'abcab'.count('ab') }} {{ 'abc'.index('b') }} {{ 'abc'.count('') }}", "2 1 4"),
    ("{{ ','.join(['a', 'b']) }} {{ 'a=b=c'.partition('=') }}", "a,b ('a', '=', 'b=c')"),
    (#"{{ 'a=b=c'.rpartition('=') }} {{ 'a\nb\r\nc'.splitlines() }}"#, "('a=b', '=', 'c') ['a', 'b', 'c']"),
    ("{{ '12'.isdigit() }} {{ 'ab'.isalpha() }} {{ 'A1'.isupper() }} {{ ''.isspace() }}", "True True True False"),
    ("{{ 'a1'.isalnum() }} {{ '½'.isnumeric() }} {{ 'é'.isascii() }} {{ 'Ab'.istitle() }}", "True True False True"),
    (
      """
      {{ '-7'.zfill(4) }} [{{ 'a'.ljust(3) }}] [{{ 'a'.rjust(3, '.') }}] [{{ 'ab'.center(5) }}] \
      {{ 'foobar'.removeprefix('foo') }} {{ 'foobar'.removesuffix('bar') }}
      """,
      "-007 [a  ] [..a] [  ab ] bar foo"
    ),
    (
      """
      {{ '{:>5}|{:03d}|{:.2f}|{:,}|{x!r}|{0.a}'.format({'a': 1}, 7, 1.239, 1234567, x='q') if false el\
      se '{:>5}|{:03d}|{:.2f}|{:,}|{x!r}'.format('a', 7, 1.239, 1234567, x='q') }}
      """,
      "    a|007|1.24|1,234,567|'q'"
    ),
    (
      """
      {{ '{0[k]} {0.k} {{}} {a}'.format({'k': 1}, a=2) }} \
      {{ '{:^7}|{:*<4}|{:+d}|{:#x}|{:e}|{:%}'.format('m', 'l', 5, 255, 1234.5, 0.25) }}
      """,
      "1 1 {} 2    m   |l***|+5|0xff|1.234500e+03|25.000000%"
    ),
    (
      "{{ '%5d|%-5s|%05.2f|%x|%+d|%%|%r|%.2s' % (42, 'ab', 3.14159, 255, 1, 'q', 'abc') }}",
      "   42|ab   |03.14|ff|+1|%|'q'|ab"
    ),
    ("{{ '%s' % none }} {{ '%(k)03d' % {'k': 7} }}", "None 007"),
    ("{{ {'a': 1}.get('a') }} {{ {}.get('z') }} {{ {}.get('z', 'd') }}", "1 None d"),
    (
      "{{ {'b': 1}.keys() }} {{ {'b': 1}.values() | list }} {{ {'b': 1}.items() | list }}",
      "dict_keys(['b']) [1] [('b', 1)]"
    ),
    ("{{ {'a': 1}.copy() }}", "{'a': 1}"),
    ("{{ [5, 6].index(6) }} {{ [1, 1.0, 2].count(1) }} {{ [1].append is defined }}", "1 2 False"),
    ("{{ (1, 2).index(2) }}", "1"),
    ("{{ range(3) | list }} {{ range(2, 8, 3) | list }} {{ range(5, 0, -2) | list }}", "[0, 1, 2] [2, 5] [5, 3, 1]"),
    ("{{ range(3)[1] }} {{ range(4) }} {{ 2 in range(3) }}", "1 range(0, 4) True"),
    (
      "{{ dict(a=1, b=2) }} {{ dict({'a': 1}, c=3) }} {{ dict([('k', 'v')]) }}",
      "{'a': 1, 'b': 2} {'a': 1, 'c': 3} {'k': 'v'}"
    ),
    ("{{ dict(a=1, **{'b': 2}) }}", "{'a': 1, 'b': 2}"),
    (
      """
      {% set j = joiner(', ') %}{{ j() }}{{ j() }}{% set c = cycler('a', 'b') %}{{ c.next() }}\
      {{ c.current }}{{ c.next() }}{{ c.reset() }}{{ c.current }}
      """,
      ", abbNonea"
    ),
    (
      "{{ strftime_now('%Y-%m-%d %d %b %B %A %H:%M:%S %j %y %I %p') }}[{{ strftime_now('') }}]",
      "2026-03-14 14 Mar March Saturday 15:09:26 073 26 03 PM[]"
    ),
  ]
}
