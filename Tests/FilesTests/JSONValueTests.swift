import KingletErrors
import KingletFiles
import Testing

@Suite("JSON")
struct JSONValueTests {
  @Test("Every kind of value, keys in order and repeated ones kept")
  func kinds() throws {
    let value = try JSONValue(
      """
      {"z": [null, true, -3, 2.5, "é\\u00e9\\ud83d\\ude00"], "a": {}, "a": 16.0, "big": 18446744073709551616,
       "limits": [NaN, Infinity, -Infinity]}
      """)
    #expect(value.members?.map(\.key) == ["z", "a", "a", "big", "limits"])
    #expect(value["z"] == .array([.null, .bool(true), .integer(-3), .number(2.5), .string("éé😀")]))
    #expect(value["a"]?.integer == 16)
    #expect(value["big"]?.integer == nil)
    #expect(value["big"]?.number == 18_446_744_073_709_551_616)
    #expect(value["limits"]?.array?.map(\.number).dropFirst() == [.infinity, -.infinity])
    #expect(value["missing"] == nil)
  }

  @Test("Texts keep every character", arguments: ["", "a\"b\\c\n\u{0}\u{1f}\t", "é😀/"])
  func strings(text: String) throws {
    #expect(try JSONValue(text.jsonString) == .string(text))
  }

  @Test("Cut anywhere, a document is refused")
  func truncation() {
    let text = Array(#"{"a": [1, {"b": "\u00e9\n"}, true, null, -1.5e3]}"#.utf8)
    for length in 0..<text.count {
      let error = #expect(throws: KingletError.self) { try JSONValue(String(decoding: text[..<length], as: UTF8.self)) }
      #expect(error?.code == .fileCorrupt)
    }
  }
}
