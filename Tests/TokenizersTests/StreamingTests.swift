import KingletTokenizers
import Testing

struct StreamingTests {
  @Test func `a character waits for its last byte`() throws {
    let toy = ToyVocabulary.bytePair()
    var stream = StreamingDetokenizer(try toy.load())
    let chunks = "aé😀".utf8.map { stream.append(toy.id(ToyVocabulary.spelled([$0]))) }
    #expect(chunks == ["a", "", "é", "", "", "", "😀"])
    #expect(stream.finish() == "")
  }

  @Test func `an incomplete character is told at the end`() throws {
    let toy = ToyVocabulary.bytePair()
    var stream = StreamingDetokenizer(try toy.load())
    #expect(stream.append(toy.id(ToyVocabulary.spelled([0xF0]))) == "")
    #expect(stream.append(toy.id("<|im_end|>")) == "")
    #expect(stream.append(toy.id(ToyVocabulary.spelled([0x9F]))) == "")
    #expect(stream.finish() == "\u{FFFD}")
    #expect(stream.finish() == "")
    #expect(stream.append(toy.id("a")) == "a")
  }

  @Test func `control tokens are left out or spelled`() throws {
    let toy = ToyVocabulary.bytePair()
    var spelling = StreamingDetokenizer(try toy.load(), skipSpecial: false)
    #expect(spelling.append(toy.id("<|im_end|>")) == "<|im_end|>")
    var silent = StreamingDetokenizer(try toy.load())
    #expect(silent.append(toy.id("<|im_end|>")) == "")
  }

  @Test func `chunks of any bytes make up their text`() throws {
    let toy = ToyVocabulary.bytePair()
    let tokenizer = try toy.load()
    var random = SeededGenerator(seed: 5)
    let interesting: [UInt8] = [0x41, 0x80, 0x9F, 0xA0, 0xBF, 0xC1, 0xC3, 0xE0, 0xE2, 0xED, 0xF0, 0xF4, 0xF5]
    for _ in 0..<3_000 {
      let bytes = (0..<8).compactMap { _ in interesting.randomElement(using: &random) }
      let ids = bytes.map { toy.id(ToyVocabulary.spelled([$0])) }
      var stream = StreamingDetokenizer(tokenizer)
      let text = ids.map { stream.append($0) }.joined() + stream.finish()
      #expect(Array(text.utf8) == Array(String(decoding: bytes, as: UTF8.self).utf8), "\(bytes)")
    }
  }
}
