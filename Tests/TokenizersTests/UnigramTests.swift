import KingletErrors
import KingletGGUF
import Testing

@testable import KingletTokenizers

struct UnigramTests {
  private let pieces: [(String, Float)] = [
    ("▁", -2), ("a", -3), ("b", -3), ("c", -3), ("ab", -4), ("bc", -5.5), ("▁a", -4), ("▁abc", -20), ("é", -5),
  ]

  @Test func `the greatest sum of scores wins`() throws {
    let tokenizer = try ToyVocabulary.unigram(pieces).load()
    // Cutting greedily would take " abc", and merging the best pair "bc".
    #expect(tokenizer.pieces("abc") == [" ", "ab", "c"])
    #expect(tokenizer.pieces("bc") == [" ", "bc"])
    #expect(tokenizer.pieces("a a") == [" a", " a"])
    #expect(tokenizer.pieces("") == [])
  }

  @Test func `the best way is that of trying all of them`() throws {
    var random = SeededGenerator(seed: 6)
    for _ in 0..<200 {
      let pieces = ["▁", "a", "b", "aa", "ab", "ba", "aab", "▁a", "▁ab", "bab"]
        .map { ($0, -Float.random(in: 1...9, using: &random)) }
      let scores = Dictionary(uniqueKeysWithValues: pieces.map { ($0.0.replacing("▁", with: " "), Double($0.1)) })
      let tokenizer = try ToyVocabulary.unigram(pieces).load()
      let text = String((0..<12).map { _ in "aab ".randomElement(using: &random) ?? "a" })
      let normal = " " + text.split(separator: " ").joined(separator: " ")
      var best = [0.0]
      for end in 1...normal.count {
        best.append(
          (0..<end).map { start in
            let part = String(normal.dropFirst(start).prefix(end - start))
            return best[start] + (scores[part] ?? -.infinity)
          }.max() ?? 0)
      }
      let found = tokenizer.pieces(text).reduce(0) { $0 + (scores[$1] ?? -.infinity) }
      #expect(normal == " " || abs(found - (best.last ?? 0)) < 1e-9, "\(text): \(tokenizer.pieces(text))")
    }
  }

  @Test func `a run of unknown characters is one token`() throws {
    let tokenizer = try ToyVocabulary.unigram(pieces).load()
    #expect(tokenizer.pieces("aßüb") == [" a", "<unk>", "b"])
    let toy = ToyVocabulary.unigram(pieces, bytes: true)
    let expected = ["▁a"] + "ß".utf8.map(ToyVocabulary.byteToken) + ["b"]
    #expect(try toy.load().encode("aßb", addSpecial: false) == expected.map(toy.id))
    #expect(try toy.load().decode(toy.load().encode("aßb", addSpecial: false)) == "aßb")
  }

  @Test func `spaces at the ends go and runs of them become one`() throws {
    #expect(try ToyVocabulary.unigram(pieces).load().pieces("  a \n") == [" a", " ", "<unk>"])
    #expect(try ToyVocabulary.unigram(pieces).load().pieces("  a   a ") == [" a", " a"])
    #expect(try ToyVocabulary.unigram(pieces).load().pieces("   ") == [])
    let kept = try ToyVocabulary.unigram(pieces).load(changing: ["tokenizer.ggml.remove_extra_whitespaces": nil])
    #expect(kept.pieces(" a  ") == [" ", " a", " ", " "])
    let bare = try ToyVocabulary.unigram(pieces).load(changing: ["tokenizer.ggml.add_space_prefix": .bool(false)])
    #expect(bare.pieces(" a a") == ["a", " a"])
  }

  @Test func `characters are replaced as the table says, the longest text first`() throws {
    let rules = [("A", "a"), ("e\u{301}", "é"), ("Æ", "ab c"), ("\u{AD}", ""), ("e", "c"), ("\u{3000}", " ")]
    let tokenizer = try ToyVocabulary.unigram(pieces).load(changing: [
      "tokenizer.ggml.precompiled_charsmap": .array(GGUFArray(ToyCharsmap.encode(rules)))
    ])
    #expect(tokenizer.pieces("A") == [" a"])
    #expect(tokenizer.pieces("ae\u{301}e") == [" a", "é", "c"])
    #expect(tokenizer.pieces("Æ") == [" ", "ab", " ", "c"])
    #expect(tokenizer.pieces("a\u{AD}\u{3000}a") == [" a", " a"])
    let signed = ToyCharsmap.encode(rules).map { Int8(bitPattern: $0) }
    let other = try ToyVocabulary.unigram(pieces).load(changing: [
      "tokenizer.ggml.precompiled_charsmap": .array(GGUFArray(signed))
    ])
    #expect(other.pieces("A") == [" a"])
  }

  @Test func `texts start and end as the file says`() throws {
    #expect(try ToyVocabulary.unigram(pieces).load().pieces("a", addSpecial: true) == ["<s>", " a", "</s>"])
    let plain = try ToyVocabulary.unigram(pieces).load(changing: ["tokenizer.ggml.add_bos_token": nil])
    #expect(plain.pieces("a", addSpecial: true) == [" a", "</s>"])
    #expect(try ToyVocabulary.unigram(pieces).load().pieces("a<s>a", parseSpecial: true) == [" a", "<s>", " a"])
  }

  @Test func `two texts are joined with the separator between them`() throws {
    let tokenizer = try ToyVocabulary.unigram(pieces).load(changing: [
      "tokenizer.ggml.add_sep_token": .bool(true), "tokenizer.ggml.seperator_token_id": .uint32(2),
    ])
    let (ids, start) = tokenizer.encode("a", with: "b")
    #expect(ids.map(tokenizer.text) == ["<s>", " a", "</s>", "</s>", " ", "b", "</s>"])
    #expect(start == 4)
  }

  @Test func `a very long word is no trouble`() throws {
    let tokenizer = try ToyVocabulary.unigram(pieces + [("aaaa", -4)]).load()
    #expect(tokenizer.encode(String(repeating: "a", count: 400_000), addSpecial: false).count == 100_001)
    #expect(tokenizer.encode(String(repeating: "ß", count: 400_000), addSpecial: false).count == 2)
  }

  @Test func `scores that are not finite do no harm`() throws {
    let pieces: [(String, Float)] = [("▁", -.infinity), ("a", .infinity), ("aa", -.infinity), ("b", .infinity)]
    let tokenizer = try ToyVocabulary.unigram(pieces).load()
    #expect(tokenizer.decode(tokenizer.encode("aab", addSpecial: false)) == "aab")
  }

  @Test(
    arguments: [
      [1, 2, 3], [0, 0, 0, 0], [4, 0, 0, 0], [3, 0, 0, 0, 1, 2, 3, 0], [255, 255, 255, 255, 0, 0, 0, 0],
      [4, 0, 0, 0, 0, 0, 0, 0, 65], [4, 0, 0, 0, 0, 0, 0, 0] + Array(repeating: 65, count: 2000) + [0],
    ] as [[UInt8]])
  func `tables that contradict themselves are refused`(bytes: [UInt8]) throws {
    let error = #expect(throws: KingletError.self) { try loadToy(charsmap: bytes) }
    #expect(error?.code == .fileCorrupt)
    #expect(error?.description.contains("precompiled_charsmap") == true)
  }

  @Test func `no table replaces nothing`() throws {
    #expect(try loadToy(charsmap: []).pieces("Aa") == [" ", "<unk>", "a"])
  }

  @Test func `every corrupted table is an error or a table`() throws {
    let table = ToyCharsmap.encode([("ab", "c"), ("a", "b"), ("é", "aa")])
    var random = SeededGenerator(seed: 7)
    for _ in 0..<2_000 {
      var corrupted = table
      for _ in 0..<Int.random(in: 1...40, using: &random) {
        corrupted[Int.random(in: corrupted.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if let charsmap = Charsmap(corrupted) {
        let text = Array("abaé ab\u{0}ÿ".utf8)
        _ = UnigramNormalizer(charsmap: charsmap).normalize(text, text.indices)
      }
    }
    for count in table.indices { _ = Charsmap(Array(table[..<count])) }
  }

  private func loadToy(charsmap: [UInt8]) throws -> Tokenizer {
    try ToyVocabulary.unigram(pieces).load(changing: [
      "tokenizer.ggml.precompiled_charsmap": .array(GGUFArray(charsmap))
    ])
  }
}
