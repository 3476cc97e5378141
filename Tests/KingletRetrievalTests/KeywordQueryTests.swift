import Testing

@testable import KingletRetrieval

struct KeywordQueryTests {
  @Test func onlyWords() {
    #expect(KeywordQuery.expression(for: "Renew a PERMIT, a permit?") == "\"renew\" OR \"a\" OR \"permit\"")
    #expect(
      KeywordQuery.expression(for: "text:x* NEAR(\"y\" AND z) ^- +")
        == "\"text\" OR \"x\" OR \"near\" OR \"y\" OR \"and\" OR \"z\"")
    #expect(KeywordQuery.expression(for: "größe 15_m² Ωmega") == "\"größe\" OR \"15_m²\" OR \"ωmega\"")
    for text in ["", "  ", "\"*'", "–!?"] { #expect(KeywordQuery.expression(for: text) == nil) }
  }

  @Test func functionWordsAreLeftOutUnlessThereAreNoOthers() {
    #expect(KeywordQuery.withoutFunctionWords("What is the price of a Permit?") == "price permit")
    #expect(KeywordQuery.withoutFunctionWords("to be or not to be") == "to be or not to be")
    #expect(KeywordQuery.withoutFunctionWords("Wie hoch ist die Gebühr?") == "wie hoch ist die gebühr")
    #expect(KeywordQuery.withoutFunctionWords("") == "")
  }

  @Test func longQueriesAreCut() throws {
    let text = (0..<10_000).map { "w\($0)" }.joined(separator: " ")
    let expression = try #require(KeywordQuery.expression(for: text))
    #expect(expression.split(separator: " ").count == 2 * 256 - 1)
  }
}
