import Kinglet
import KingletDocuments
import KingletErrors

/// Finds out which passages support the sentences of an answer, whatever the model has written about it.
///
/// A passage supports a sentence as far as one of its own sentences is like it: by the cosine of their vectors, and by the
/// share of the sentence's words that the passage has. A number that the passage does not have is no small difference.
struct Attribution {
  private static let meaningWeight: Float = 0.6
  /// A number in brackets that the model has written is a hint.
  private static let hint: Float = 0.05
  /// What is left of the support where a number is not in the passage.
  private static let strangeNumber: Float = 0.5
  /// Passages within this of the best are cited, too; at most so many.
  private static let margin: Float = 0.05
  private static let mostCitations = 2

  private struct Source {
    let passage: Passage
    let words: Set<String>
    /// Ranges of the document's text.
    let sentences: [Range<Int>]
    let vectors: [[Float]]
  }

  private(set) var sentences: [AnswerSentence] = []
  private(set) var citations: [Citation] = []

  init(
    _ text: String, passages: [Passage], threshold: Float, embed: ([String]) throws(KingletError) -> [[Float]]
  ) throws(KingletError) {
    let parts = Self.split(text)
    let found = passages.map { Sentences.ranges(in: 0..<$0.text.utf8.count, of: Array($0.text.utf8)) }
    var texts = parts.map(\.text)
    for (passage, ranges) in zip(passages, found) {
      let bytes = Array(passage.text.utf8)
      texts += ranges.map { String(decoding: bytes[$0], as: UTF8.self) }
    }
    let vectors = try embed(texts)
    var next = parts.count
    let sources = zip(passages, found).map { passage, ranges in
      defer { next += ranges.count }
      return Source(
        passage: passage, words: Set(KeywordQuery.words(of: passage.text)),
        sentences: ranges.map { $0.lowerBound + passage.range.lowerBound..<$0.upperBound + passage.range.lowerBound },
        vectors: Array(vectors[next..<next + ranges.count]))
    }
    for (index, part) in parts.enumerated() { attribute(part, vectors[index], sources, threshold) }
    citations.sort { $0.number < $1.number }
  }

  /// The sentences of an answer without the numbers that the model wrote, and these numbers.
  static func split(_ text: String) -> [(text: String, hints: Set<Int>)] {
    let bytes = Array(text.utf8)
    var parts: [(text: String, hints: Set<Int>)] = []
    for range in Sentences.ranges(in: 0..<bytes.count, of: bytes) {
      var hints: Set<Int> = []
      var clean = ""
      var rest = String(decoding: bytes[range], as: UTF8.self)[...]
      while let open = rest.firstIndex(of: "[") {
        let inside = rest[rest.index(after: open)...].prefix { $0.isNumber || $0 == "," || $0 == " " }
        let numbers = inside.split { !$0.isNumber }.compactMap { Int($0) }
        if !numbers.isEmpty, inside.endIndex < rest.endIndex, rest[inside.endIndex] == "]" {
          hints.formUnion(numbers)
          clean += rest[..<open]
          rest = rest[rest.index(after: inside.endIndex)...]
        } else {
          clean += rest[...open]
          rest = rest[rest.index(after: open)...]
        }
      }
      clean += rest
      let words = clean.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        .replacing(" .", with: ".").replacing(" ,", with: ",")
      if KeywordQuery.words(of: words).isEmpty {
        // Nothing but numbers: they belong to the sentence before.
        if !parts.isEmpty { parts[parts.count - 1].hints.formUnion(hints) }
      } else {
        parts.append((words, hints))
      }
    }
    return parts
  }

  private mutating func attribute(
    _ part: (text: String, hints: Set<Int>), _ vector: [Float], _ sources: [Source], _ threshold: Float
  ) {
    let words = KeywordQuery.words(of: part.text)
    let content = Set(words.filter { $0.utf8.count > 3 })
    let numbers = Set(words.filter { $0.contains(where: \.isNumber) })
    var support: [(source: Source, sentence: Int, score: Float)] = []
    for source in sources {
      var best = (sentence: 0, cosine: Float(-1))
      for (index, other) in source.vectors.enumerated() {
        let cosine = product(vector, other)
        if cosine > best.cosine { best = (index, cosine) }
      }
      guard !source.vectors.isEmpty else { continue }
      let overlap =
        content.isEmpty ? max(0, best.cosine) : Float(content.intersection(source.words).count) / Float(content.count)
      var score = Self.meaningWeight * max(0, best.cosine) + (1 - Self.meaningWeight) * overlap
      if !numbers.isSubset(of: source.words) { score *= Self.strangeNumber }
      if part.hints.contains(source.passage.number) { score += Self.hint }
      support.append((source, best.sentence, min(1, score)))
    }
    support.sort { $0.score > $1.score }
    guard let best = support.first else {
      sentences.append(AnswerSentence(text: part.text, citations: [], support: 0))
      return
    }
    let cited = support.filter { $0.score >= threshold && $0.score >= best.score - Self.margin }.prefix(
      Self.mostCitations)
    sentences.append(
      AnswerSentence(
        text: part.text, citations: cited.map(\.source.passage.number).sorted(), support: best.score))
    for item in cited { cite(item.source, item.sentence, item.score) }
  }

  /// Notes a citation; of several quotes of one passage the best stays.
  private mutating func cite(_ source: Source, _ sentence: Int, _ score: Float) {
    let passage = source.passage
    if let index = citations.firstIndex(where: { $0.number == passage.number }) {
      if citations[index].score >= score { return }
      citations.remove(at: index)
    }
    let range = source.sentences[sentence]
    let bytes = Array(passage.text.utf8)
    let start = range.lowerBound - passage.range.lowerBound
    let end = range.upperBound - passage.range.lowerBound
    // Of several chunks that became one passage, the one that the quote begins in says where it stands. Lines and pages
    // are counted from its first.
    let chunk = passage.chunk(at: range.lowerBound)
    let before = bytes[max(0, chunk.range.lowerBound - passage.range.lowerBound)..<start]
    func counted(from first: Int, _ mark: UInt8) -> [Int] {
      let begin = first + before.count { $0 == mark }
      return [begin, begin + bytes[start..<end].count { $0 == mark }]
    }
    citations.append(
      Citation(
        number: passage.number, document: passage.document.path, title: passage.document.title,
        heading: chunk.heading, bytes: [range.lowerBound, range.upperBound],
        lines: counted(from: chunk.lines.lowerBound, UInt8(ascii: "\n")),
        pages: chunk.pages.map { counted(from: $0.lowerBound, PDFText.pageBreak) }, row: chunk.place.row,
        pointer: chunk.place.pointer, element: chunk.place.element, identifier: chunk.place.identifier,
        matchesFile: passage.document.matchesFile,
        quote: String(decoding: bytes[start..<end], as: UTF8.self), score: score))
  }
}
