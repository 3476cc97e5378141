import KingletErrors
import Testing

@testable import KingletGeneration

@Suite struct StopMatcherTests {
  private func run(_ pieces: [String], _ stops: [String]) throws -> (text: String, stopped: Bool) {
    var matcher = try StopMatcher(stops)
    var text = ""
    for piece in pieces where !matcher.hasMatched { text += matcher.append(piece) }
    return (text + matcher.finish(), matcher.hasMatched)
  }

  @Test func holdsBackOnlyWhatMayBecomeAStop() throws {
    var matcher = try StopMatcher(["END"])
    #expect(matcher.append("one E") == "one ")
    #expect(matcher.append("N") == "")
    #expect(matcher.append("ough") == "ENough")
    #expect(matcher.append(" EEN") == " E")
    #expect(matcher.append("D and more") == "")
    #expect(matcher.hasMatched)
    #expect(matcher.append("more") == "")
    #expect(matcher.finish() == "")
  }

  @Test func whatWasHeldComesAtTheEnd() throws {
    var matcher = try StopMatcher(["\n\nUser:"])
    #expect(matcher.append("yes\n") == "yes")
    #expect(matcher.finish() == "\n")
    #expect(!matcher.hasMatched)
  }

  @Test func overlappingBeginnings() throws {
    #expect(try run(["aab"], ["ab"]) == ("a", true))
    #expect(try run(["aaab", "x"], ["aab"]) == ("a", true))
    #expect(try run(["abab", "ac"], ["abac"]) == ("ab", true))
    #expect(try run(["abcd"], ["abcd", "bc"]) == ("a", true))  // complete first
    #expect(try run(["xabc"], ["abc", "c"]) == ("x", true))  // complete together: the longest
    #expect(try run(["x"], ["x"]) == ("", true))
  }

  @Test func withoutStopsTextPassesThrough() throws {
    #expect(try run(["any", "thing"], []) == ("anything", false))
  }

  @Test func charactersOfSeveralBytesStayWhole() throws {
    var matcher = try StopMatcher(["é!"])
    #expect(matcher.append("caf") == "caf")
    #expect(matcher.append("é") == "")
    #expect(matcher.append("è") == "éè")
    #expect(matcher.append("日é!") == "日")
    #expect(matcher.hasMatched)
  }

  @Test func anEmptyStopIsRefused() {
    #expect { try StopMatcher(["ok", ""]) } throws: { ($0 as? KingletError)?.code == .invalidArgument }
  }

  /// However the text is cut, the result is that of the text in one piece; and that one is right.
  @Test func cutsMakeNoDifference() throws {
    var random = SplitMix64(seed: 77)
    func word(_ count: Int) -> String { String((0..<count).map { _ in "abé".randomElement(using: &random) ?? "a" }) }
    for _ in 0..<3000 {
      let text = word(Int.random(in: 0...14, using: &random))
      let stops = (0..<Int.random(in: 1...3, using: &random)).map { _ in word(Int.random(in: 1...4, using: &random)) }
      var pieces: [String] = [""]
      for character in text {
        if Bool.random(using: &random) { pieces.append("") }
        pieces[pieces.count - 1].append(character)
      }
      let cut = try run(pieces, stops)
      // By hand: the shortest beginning of the text that ends with a stop, less the longest such stop.
      let bytes = Array(text.utf8)
      var expected = (text: text, stopped: false)
      search: for end in 0...bytes.count {
        let ending = stops.map { Array($0.utf8) }.filter { bytes[..<end].suffix($0.count) == $0[...] }
        if let longest = ending.map(\.count).max() {
          expected = (String(decoding: bytes[..<(end - longest)], as: UTF8.self), true)
          break search
        }
      }
      #expect(cut == expected, "\(pieces) with \(stops)")
    }
  }
}
