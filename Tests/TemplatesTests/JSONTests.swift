import KingletErrors
import Testing

@testable import KingletTemplates

@Suite("JSON in and out")
struct JSONTests {
  @Test(
    "What is read is written again",
    arguments: [
      "null", "true", "[]", "{}", "-12", "1.5", "1e+20", #""a\"\\\n\u0001é😀""#, #"{"b": 1, "a": [1, {"c": null}]}"#,
      #"[1, 2.0, false, ""]"#,
    ])
  func roundTrip(text: String) throws {
    #expect(Outcome("{{ x | tojson }}", ["x": try JinjaValue(json: text)]) == .output(text))
  }

  @Test("Escapes, white space, and integers too large")
  func reading() throws {
    let value = try JinjaValue(
      json: " { \"k\" : \"\\u00e9\\ud83d\\ude00\\/\\ud800x\" ,\n\"n\":123456789012345678901 } ")
    #expect(Outcome("{{ x.k }} {{ x.n }}", ["x": value]) == .output("é😀/\u{FFFD}x 1.2345678901234568e+20"))
  }

  @Test(
    "What is not JSON is an error at its byte",
    arguments: [
      ("", 0), ("[1", 2), ("[1,]", 3), ("{\"a\" 1}", 5), ("{a: 1}", 1), ("\"a", 2), ("nul", 0), ("01x", 2), ("1 2", 2),
      ("\"\\x\"", 2), ("\"\\u12\"", 2), ("\"\u{1}\"", 1), ("+1", 0), (".5", 0), ("-", 0), ("{\"a\":1,}", 7), ("]", 0),
    ])
  func invalid(text: String, byte: Int) {
    let error = #expect(throws: KingletError.self) { try JinjaValue(json: text) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.location == "byte \(byte)")
  }

  @Test("Nesting is bounded")
  func nesting() throws {
    _ = try JinjaValue(json: String(repeating: "[", count: 100) + String(repeating: "]", count: 100))
    #expect(throws: KingletError.self) { try JinjaValue(json: String(repeating: "[", count: 100_000)) }
    #expect(throws: KingletError.self) { try JinjaValue(json: String(repeating: "{\"a\":", count: 100_000)) }
  }

  @Test("Keys keep their order, also where there are many")
  func order() throws {
    let keys = (0..<50).map { "k\($0 * 7 % 50)" }
    let json = "{" + keys.map { "\"\($0)\": 1" }.joined(separator: ", ") + "}"
    let value = try JinjaValue(json: json)
    #expect(Outcome("{{ x | join(' ') }}", ["x": value]) == .output(keys.joined(separator: " ")))
    #expect(Outcome("{{ x.k49 }}{{ x.k50 is defined }}", ["x": value]) == .output("1False"))
    #expect(Outcome("{{ x | tojson }}", ["x": value]) == .output(json))
  }
}
