import Kinglet
import KingletDocuments
import KingletErrors

/// A passage in the prompt: one chunk, or neighbours made one.
struct Passage: Sendable {
  var number: Int
  var document: StoredDocument
  /// What it is made of; the best first.
  var chunks: [StoredChunk]
  var range: Range<Int>
  var text: String
  var tokens: Int
}

/// Chooses what comes into the prompt: the best first, whole chunks only, neighbours merged.
struct ContextPacking {
  var passages: [Passage] = []
  var leftOut: [LeftOut] = []

  init(
    _ hits: [SearchHit], budget: Int, store: any VectorStore, countTokens: (String) -> Int
  ) throws(KingletError) {
    var used = 0
    for hit in hits {
      // The same text from another file says nothing new.
      if let same = passages.first(where: { $0.text == hit.chunk.text }) {
        leave(hit, "the same text as passage \(same.number)")
        continue
      }
      if let index = passages.firstIndex(where: { $0.touches(hit) }) {
        let merged = try passages[index].merged(with: hit, store)
        let tokens = countTokens(merged.text)
        if used + tokens - passages[index].tokens <= budget {
          used += tokens - passages[index].tokens
          passages[index].chunks.append(hit.chunk)
          passages[index].range = merged.range
          passages[index].text = merged.text
          passages[index].tokens = tokens
        } else {
          leave(hit, "no room: its tokens would exceed the \(budget) of the context")
        }
        continue
      }
      let tokens = countTokens(hit.chunk.text)
      guard used + tokens <= budget else {
        leave(hit, "no room: \(tokens) tokens, \(budget - used) of \(budget) left")
        continue
      }
      used += tokens
      passages.append(
        Passage(
          number: passages.count + 1, document: hit.document, chunks: [hit.chunk], range: hit.chunk.range,
          text: hit.chunk.text, tokens: tokens))
    }
  }

  private mutating func leave(_ hit: SearchHit, _ reason: String) {
    leftOut.append(
      LeftOut(
        document: hit.document.path, lines: [hit.chunk.lines.lowerBound, hit.chunk.lines.upperBound], reason: reason))
  }
}

extension Passage {
  /// The first and the last.
  var lines: [Int] {
    [chunks.map(\.lines.lowerBound).min() ?? 1, chunks.map(\.lines.upperBound).max() ?? 1]
  }

  /// The chunk that a byte of its range is in.
  func chunk(at offset: Int) -> StoredChunk {
    chunks.filter { $0.range.lowerBound <= offset }.max { $0.range.lowerBound < $1.range.lowerBound } ?? chunks[0]
  }

  /// Whether a hit overlaps or follows this passage directly; records stand for themselves.
  fileprivate func touches(_ hit: SearchHit) -> Bool {
    guard hit.document.id == document.id, !document.format.hasRecords, hit.chunk.kind == .content,
      chunks[0].kind == .content
    else { return false }
    // At most a blank line or two between them.
    return hit.chunk.range.lowerBound <= range.upperBound + 4 && hit.chunk.range.upperBound + 4 >= range.lowerBound
  }

  fileprivate func merged(
    with hit: SearchHit, _ store: any VectorStore
  ) throws(KingletError) -> (range: Range<Int>, text: String) {
    let both = min(range.lowerBound, hit.chunk.range.lowerBound)..<max(range.upperBound, hit.chunk.range.upperBound)
    let bytes = Array((try store.text(of: document.id) ?? "").utf8)
    guard both.upperBound <= bytes.count else {
      throw KingletError(.fileCorrupt, "a chunk lies outside its document", at: document.path)
    }
    return (both, String(decoding: bytes[both], as: UTF8.self))
  }
}
