import KingletErrors
import KingletGGUF
import KingletTestSupport
import Testing

@testable import KingletTokenizers

struct WordPieceTests {
  private let toy = ToyVocabulary.wordPiece([
    "▁small", "▁bird", "▁b", "ird", "s", "er", "▁!", "▁鸟", "▁ß", "▁café", "▁cafe", "▁i", "▁ᄒ", "ᅡ", "ᆫ",
  ])

  @Test func `words are cut from the left into the longest tokens`() throws {
    let tokenizer = try toy.load()
    #expect(tokenizer.pieces("small birds") == [" small", " bird", "s"])
    #expect(tokenizer.pieces("Smaller!") == [" small", "er", " !"])
    #expect(tokenizer.pieces("  \t\n ") == [])
    #expect(tokenizer.pieces("") == [])
  }

  @Test func `a word that cannot be cut is unknown as a whole`() throws {
    let tokenizer = try toy.load()
    #expect(tokenizer.pieces("birdx small") == ["[UNK]", " small"])
    // "ird" continues a word, it does not start one.
    #expect(tokenizer.pieces("ird") == ["[UNK]"])
  }

  @Test func `a word of more than a hundred characters is unknown`() throws {
    let tokenizer = try ToyVocabulary.wordPiece(["▁é", "é"], lowercases: true, stripsAccents: false).load()
    let word = String(repeating: "é", count: 100)
    #expect(tokenizer.encode(word, addSpecial: false).count == 100)
    #expect(tokenizer.pieces(word + "é") == ["[UNK]"])
  }

  @Test func `text is normalised as BERT does it`() throws {
    let tokenizer = try toy.load()
    #expect(tokenizer.pieces("CAFÉ cafe\u{301}") == [" cafe", " cafe"])
    // Controls vanish without a trace, every kind of whitespace separates.
    #expect(tokenizer.pieces("bi\u{0}rd\u{200B}s\u{85}\u{FFFD}") == [" bird", "s"])
    #expect(tokenizer.pieces("bird\u{3000}bird\u{2028}bird") == [" bird", " bird", " bird"])
    #expect(tokenizer.pieces("鸟鸟bird") == [" 鸟", " 鸟", " bird"])
    // Hangul is decomposed, as the reference does it; U+0130 loses its dot, as the dot is a mark.
    #expect(tokenizer.pieces("한") == [" ᄒ", "ᅡ", "ᆫ"])
    #expect(tokenizer.pieces("\u{130}") == [" i"])
    // Private characters go, unassigned ones stay, as do marks that are newer than the reference's tables.
    #expect(tokenizer.pieces("bi\u{E000}rd bird\u{378} bird\u{1E4EC}") == [" bird", "[UNK]", "[UNK]"])
    // U+2581 stands for a space in the file, not in text.
    #expect(tokenizer.pieces("▁bird") == ["[UNK]"])
  }

  @Test func `a file can say that capitals or accents count`() throws {
    let cased = try ToyVocabulary.wordPiece(["▁Café", "▁Cafe", "▁café"], lowercases: false).load()
    #expect(cased.pieces("Café cafe") == [" Café", "[UNK]"])
    let accents = try ToyVocabulary.wordPiece(["▁Cafe", "▁café"], lowercases: true, stripsAccents: false).load()
    #expect(accents.pieces("CAFÉ") == [" café"])
  }

  @Test func `texts start and end with special tokens`() throws {
    #expect(try toy.load().pieces("bird", addSpecial: true) == ["[CLS]", " bird", "[SEP]"])
    #expect(try toy.load().pieces("bird[SEP]bird", parseSpecial: true) == [" bird", "[SEP]", " bird"])
    #expect(try toy.load().pieces("[SEP]") == ["[UNK]", "[UNK]", "[UNK]"])
    let bare = try toy.load(changing: [
      "tokenizer.ggml.add_bos_token": .bool(false), "tokenizer.ggml.add_sep_token": .bool(false),
    ])
    #expect(bare.pieces("bird", addSpecial: true) == [" bird"])
    // As converters write it now: EOS is the separator.
    let converted = try toy.load(changing: [
      "tokenizer.ggml.eos_token_id": .uint32(3), "tokenizer.ggml.add_eos_token": .bool(true),
      "tokenizer.ggml.add_sep_token": .bool(false),
    ])
    #expect(converted.pieces("bird", addSpecial: true) == ["[CLS]", " bird", "[SEP]"])
  }

  @Test func `two texts are joined`() throws {
    let (ids, start) = try toy.load().encode("bird", with: "small")
    #expect(try ids.map(toy.load().text) == ["[CLS]", " bird", "[SEP]", " small", "[SEP]"])
    #expect(start == 3)
  }

  @Test func `long runs take no long time`() throws {
    let tokenizer = try toy.load()
    #expect(tokenizer.encode(String(repeating: "b", count: 500_000), addSpecial: false) == [1])
    #expect(tokenizer.encode(String(repeating: "!", count: 500_000), addSpecial: false).count == 500_000)
    #expect(tokenizer.encode("e" + String(repeating: "\u{301}\u{323}", count: 200_000), addSpecial: false) == [1])
    #expect(tokenizer.encode(String(repeating: "\u{0}", count: 500_000), addSpecial: false) == [])
  }

  @Test func `any text has tokens`() throws {
    let tokenizer = try toy.load()
    var random = SeededGenerator(seed: 5)
    for _ in 0..<2_000 {
      let ids = tokenizer.encode(random.text(), addSpecial: true, parseSpecial: true)
      #expect(ids.first == 2 && ids.last == 3)
    }
  }

  /// The two vocabularies are one: that of BERT without capitals.
  @Test(.enabled(if: Shared.isPresent, "\(Shared.reason)"))
  func `ids are those of MiniLM's own tokenizer`() throws {
    let golden: Golden = try json(at: Shared.path("golden/tokenizers/minilm.json"))
    let path = Shared.path("golden/tokenizers/vocab/ggml-vocab-bert-bge.gguf")
    let tokenizer = try Tokenizer.load(from: GGUFFile(path: path))
    #expect(golden.cases.count == 322)
    for one in golden.cases {
      let ids = tokenizer.encode(one.input, addSpecial: false)
      #expect(one.ids.matches(ids), "\(one.id): \(ids.prefix(40))")
      let parsed = tokenizer.encode(one.input, addSpecial: false, parseSpecial: true)
      #expect(one.ids_parse_special.matches(parsed), "\(one.id), special tokens parsed: \(parsed.prefix(40))")
      if let expected = one.ids_add_special { #expect(expected.matches(tokenizer.encode(one.input)), "\(one.id)") }
    }
  }
}
