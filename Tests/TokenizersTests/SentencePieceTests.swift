import KingletErrors
import KingletGGUF
import Testing

@testable import KingletTokenizers

struct SentencePieceTests {
  private let pieces: [(String, Float)] = [
    ("▁", -1), ("a", -2), ("b", -3), ("c", -4), ("ab", -5), ("bc", -6), ("▁a", -7), ("▁ab", -8), ("▁▁", -9),
  ]

  @Test func `the highest score merges first`() throws {
    #expect(try ToyVocabulary.sentencePiece(pieces, addsSpacePrefix: false).load().pieces("abc") == ["ab", "c"])
    let swapped = pieces.map { $0.0 == "bc" ? ($0.0, Float(-0.5)) : $0 }
    #expect(try ToyVocabulary.sentencePiece(swapped, addsSpacePrefix: false).load().pieces("abc") == ["a", "bc"])
  }

  @Test func `scores of either sign are in order`() throws {
    for scores: [Float] in [[2, 1], [1, -1], [-1, -2], [0, -0.5], [.infinity, 3], [1, -.infinity], [0.5, 0]] {
      let pieces = [("a", 0), ("b", 0), ("c", 0), ("ab", scores[1]), ("bc", scores[0])] as [(String, Float)]
      let tokenizer = try ToyVocabulary.sentencePiece(pieces, addsSpacePrefix: false).load()
      #expect(tokenizer.pieces("abc") == ["a", "bc"], "\(scores)")
    }
    // Zero and minus zero are equal, so the leftmost merges.
    let zeros = [("a", 0), ("b", 0), ("c", 0), ("ab", -0.0), ("bc", 0.0)] as [(String, Float)]
    #expect(try ToyVocabulary.sentencePiece(zeros, addsSpacePrefix: false).load().pieces("abc") == ["ab", "c"])
  }

  @Test func `text starts with a space that is taken away again`() throws {
    let tokenizer = try ToyVocabulary.sentencePiece(pieces).load()
    #expect(tokenizer.pieces("ab") == [" ab"])
    #expect(tokenizer.pieces("") == [])
    #expect(tokenizer.decode(tokenizer.encode("ab ab", addSpecial: false)) == "ab ab")
    #expect(tokenizer.decode(tokenizer.encode(" ab", addSpecial: false)) == " ab")
    #expect(tokenizer.pieces("<s>ab", parseSpecial: true) == ["<s>", " ab"])
  }

  @Test func `a space and its mark are one`() throws {
    let tokenizer = try ToyVocabulary.sentencePiece(pieces, addsSpacePrefix: false).load()
    #expect(tokenizer.encode("a▁ab") == tokenizer.encode("a ab"))
    #expect(tokenizer.bytes(of: ToyVocabulary.sentencePiece(pieces).id("▁ab")) == Array(" ab".utf8))
  }

  @Test func `what no piece spells is written in bytes`() throws {
    let toy = ToyVocabulary.sentencePiece(pieces, addsSpacePrefix: false)
    let tokenizer = try toy.load()
    let expected = ["a"] + "é".utf8.map(ToyVocabulary.byteToken) + ["b"]
    #expect(tokenizer.encode("aéb", addSpecial: false) == expected.map(toy.id))
    #expect(tokenizer.decode(tokenizer.encode("aéb", addSpecial: false)) == "aéb")
  }

  @Test func `or is unknown, a run of it once`() throws {
    let tokenizer = try ToyVocabulary.sentencePiece(pieces, bytes: false, addsSpacePrefix: false).load()
    #expect(tokenizer.pieces("aéüb") == ["a", "<unk>", "b"])
  }

  @Test func `a piece may hold a space inside`() throws {
    let pieces = self.pieces + [("c▁", -0.2), ("c▁a", -0.1)]
    let tokenizer = try ToyVocabulary.sentencePiece(pieces, addsSpacePrefix: false).load()
    #expect(tokenizer.pieces("abc ab") == ["ab", "c a", "b"])
  }

  @Test func `any text comes back`() throws {
    let tokenizer = try ToyVocabulary.sentencePiece(pieces).load()
    var random = SeededGenerator(seed: 3)
    for _ in 0..<2_000 {
      let text = random.text().replacing("▁", with: "")
      #expect(Array(tokenizer.decode(tokenizer.encode(text, addSpecial: false)).utf8) == Array(text.utf8))
    }
  }

  @Test func `a very long word is no trouble`() throws {
    let tokenizer = try ToyVocabulary.sentencePiece([("a", 0), ("aa", -1), ("aaaa", -2)], addsSpacePrefix: false).load()
    #expect(tokenizer.encode(String(repeating: "a", count: 200_000), addSpecial: false).count == 50_000)
  }

  @Test func `Phi-3 swallows the whitespace after its special tokens`() throws {
    var toy = ToyVocabulary.sentencePiece(pieces)
    toy.add("<|user|>", .control)
    toy.kinds[2] = Int32(TokenKind.userDefined.rawValue)
    toy.metadata.append(("tokenizer.ggml.scores", .array(GGUFArray(toy.scores))))
    #expect(try toy.load().pieces("<|user|>\n a", parseSpecial: true) == ["<|user|>", " ", "\n", " a"])
    #expect(try toy.load().pieces("a</s>") == [" a", "</s>"])
    toy.metadata.append(("general.architecture", .string("phi3")))
    #expect(try toy.load().pieces("<|user|>\n a", parseSpecial: true) == ["<|user|>", " a"])
    #expect(try toy.load().pieces("<s> a", parseSpecial: true) == ["<s>", " ", " a"])
    #expect(try toy.load().specialToken("</s>") == 2)
    #expect(try toy.load().kind(of: 2) == .control)
  }
}
