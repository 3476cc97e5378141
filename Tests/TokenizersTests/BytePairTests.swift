import KingletErrors
import KingletGGUF
import Testing

@testable import KingletTokenizers

struct BytePairTests {
  @Test func `the lowest rank merges first`() throws {
    #expect(try ToyVocabulary.bytePair(merges: ["b c", "a b"]).load().pieces("abc") == ["a", "bc"])
    #expect(try ToyVocabulary.bytePair(merges: ["a b", "b c"]).load().pieces("abc") == ["ab", "c"])
  }

  @Test func `of equal merges the leftmost is first`() throws {
    let tokenizer = try ToyVocabulary.bytePair(merges: ["a a"]).load()
    #expect(tokenizer.pieces("aaaaa") == ["aa", "aa", "a"])
  }

  @Test func `a token may come of several merges`() throws {
    let tokenizer = try ToyVocabulary.bytePair(merges: ["a b", "b c", "a bc", "x a", "ab c"]).load()
    #expect(tokenizer.pieces("abc") == ["abc"])
    #expect(tokenizer.pieces("xabc") == ["x", "abc"])
  }

  @Test func `text that a token spells merges only as listed`() throws {
    // "abc" = "a" + "bc", but "a" + "b" comes first and then nothing merges.
    let tokenizer = try ToyVocabulary.bytePair(merges: ["a b", "b c", "a bc"]).load()
    #expect(tokenizer.pieces("abc") == ["ab", "c"])
    #expect(tokenizer.pieces("abc abc") == ["ab", "c", " ", "ab", "c"])
  }

  @Test func `a whole word is its token where the pre-tokenizer says so`() throws {
    #expect(try ToyVocabulary.bytePair("gpt-2", tokens: ["xyz"]).load().pieces("xyz") == ["x", "y", "z"])
    #expect(
      try ToyVocabulary.bytePair("llama-bpe", tokens: ["xyz"]).load().pieces("xyz xyz") == ["xyz", " ", "x", "y", "z"])
  }

  @Test func `tokens need not be numbered in the order of merges`() throws {
    let merges = ["t h", "e r", "th e", "Ġ the", "Ġ t", "h e"]
    var shuffled = ToyVocabulary.bytePair(merges: merges)
    let ordered = try shuffled.load()
    shuffled.tokens.reverse()
    shuffled.kinds.reverse()
    shuffled.metadata.removeAll { $0.key.hasSuffix("_id") }
    let text = "the other there is hers, the end"
    #expect(try shuffled.load().pieces(text) == ordered.pieces(text))
    #expect(ordered.pieces("a the") == ["a", " the"])
  }

  @Test func `a byte that the vocabulary lacks is dropped`() throws {
    let tokenizer = try ToyVocabulary.bytePair(without: [0x04, 0xF3]).load()
    #expect(tokenizer.pieces("a\u{4}b") == ["a", "b"])
    #expect(tokenizer.decode(tokenizer.encode("a\u{4}b")) == "ab")
  }

  @Test func `merges are those of the plain algorithm`() throws {
    var random = SeededGenerator(seed: 1)
    let letters = ["a", "b", "c", "d"]
    for _ in 0..<60 {
      var tokens = letters
      var merges: [String] = []
      for _ in 0..<30 {
        guard let left = tokens.randomElement(using: &random), let right = tokens.randomElement(using: &random),
          left.count + right.count < 12, !merges.contains("\(left) \(right)")
        else { continue }
        merges.append("\(left) \(right)")
        if !tokens.contains(left + right) { tokens.append(left + right) }
      }
      let tokenizer = try ToyVocabulary.bytePair(merges: merges).load()
      for _ in 0..<20 {
        let word = (0..<Int.random(in: 1...40, using: &random)).compactMap { _ in letters.randomElement(using: &random)
        }
        #expect(tokenizer.pieces(word.joined()) == plainMerge(word, merges), "\(merges)")
      }
    }
  }

  @Test func `any text comes back`() throws {
    let tokenizer = try ToyVocabulary.bytePair(merges: ["a b", "c d", "ab cd", "Ġ a", "Ġ Ġ", "' a"]).load()
    var random = SeededGenerator(seed: 2)
    for _ in 0..<2_000 {
      let text = random.text()
      let ids = tokenizer.encode(text, addSpecial: false)
      #expect(Array(tokenizer.decode(ids).utf8) == Array(text.utf8))
      #expect(ids.flatMap(tokenizer.bytes) == Array(text.utf8))
    }
  }

  @Test func `a very long word is no trouble`() throws {
    let tokenizer = try ToyVocabulary.bytePair(merges: ["a a", "aa aa"]).load()
    #expect(tokenizer.encode(String(repeating: "a", count: 200_000), addSpecial: false).count == 50_000)
    let spaces = String(repeating: " ", count: 200_000)
    #expect(tokenizer.encode(spaces + "x", addSpecial: false).count == 200_001)
  }

  @Test func `composes where the original does`() throws {
    let decomposed = "e\u{301}x"
    let qwen = try ToyVocabulary.bytePair("qwen2").load()
    #expect(qwen.encode(decomposed, addSpecial: false).flatMap(qwen.bytes) == Array("\u{E9}x".utf8))
    let gpt = try ToyVocabulary.bytePair("gpt-2").load()
    #expect(gpt.encode(decomposed, addSpecial: false).flatMap(gpt.bytes) == Array(decomposed.utf8))
  }

  /// The algorithm as it is usually told: look for the best pair, merge it, start over.
  private func plainMerge(_ word: [String], _ merges: [String]) -> [String] {
    var word = word
    while true {
      let ranked = (0..<max(word.count - 1, 0)).compactMap { index in
        merges.firstIndex(of: "\(word[index]) \(word[index + 1])").map { (rank: $0, index: index) }
      }
      guard let best = ranked.min(by: { ($0.rank, $0.index) < ($1.rank, $1.index) }) else { return word }
      word.replaceSubrange(best.index...best.index + 1, with: [word[best.index] + word[best.index + 1]])
    }
  }
}
