import KingletTestSupport
import Testing

@testable import KingletDocuments

struct ChunkerTests {
  private func document(_ text: String) -> LoadedDocument {
    guard let decoded = DecodedText(Array(text.utf8)) else { return LoadedDocument(format: .text, text: "") }
    return PlainText.load(decoded)
  }

  @Test func wholeSentencesAndOverlap() {
    let text = "One two three. Four five six. Seven eight nine. Ten eleven twelve."
    let chunks = wordChunker(size: 7, overlap: 3).chunks(of: document(text))
    #expect(
      chunks.map(\.text) == [
        "One two three. Four five six.", "Four five six. Seven eight nine.", "Seven eight nine. Ten eleven twelve.",
      ])
    expectProvenance(document(text), chunks)
  }

  @Test func nothingIsLostAndNothingTooLong() {
    var random = SeededRandom(3)
    for size in [1, 3, 10, 50] {
      let words = (0..<500).map { _ in
        String(repeating: "x", count: Int.random(in: 1...12, using: &random))
          + (Int.random(in: 0..<8, using: &random) == 0
            ? ".\n\n" : Int.random(in: 0..<5, using: &random) == 0 ? "." : "")
      }
      let text = words.joined(separator: " ")
      let document = document(text)
      let chunks = wordChunker(size: size).chunks(of: document)
      expectProvenance(document, chunks)
      #expect(chunks.allSatisfy { $0.tokenCount <= size })
      let covered = chunks.map(\.text).joined().filter { !$0.isWhitespace }
      #expect(covered == text.filter { !$0.isWhitespace })
    }
  }

  @Test func sentences() {
    let text = "Dr. Smith met J. Doe. \"Really?\" he asked. See fig. 3 (p. 4). It cost 3.50 euros! 好。很好。"
    let bytes = Array(text.utf8)
    let sentences = Sentences.ranges(in: 0..<bytes.count, of: bytes).map { String(decoding: bytes[$0], as: UTF8.self) }
    #expect(
      sentences == [
        "Dr. Smith met J. Doe.", "\"Really?\" he asked.", "See fig. 3 (p. 4).", "It cost 3.50 euros!", "好。", "很好。",
      ])
  }

  @Test func listItemsAreSentences() {
    let text = "Items:\n- one\n- two\n1. three\n| a | b |"
    let bytes = Array(text.utf8)
    #expect(Sentences.ranges(in: 0..<bytes.count, of: bytes).count == 5)
    let passage = Array("# Birds\nSmall ones sing\nat dawn.\n \nLarge ones do not".utf8)
    #expect(
      Sentences.ranges(in: 0..<passage.count, of: passage).map { String(decoding: passage[$0], as: UTF8.self) } == [
        "# Birds", "Small ones sing\nat dawn.", "Large ones do not",
      ])
  }
}
