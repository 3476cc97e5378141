import Foundation
import Kinglet
import KingletDocuments

/// A short extractive summary: title, headings, and the sentences that say most of what the document says.
struct SummaryDraft {
  let title: String?
  let headings: [String]
  /// Sentences that may be central, by their words; the best first.
  let candidates: [String]

  private static let longestSentence = 300
  private static let sentencesWanted = 2

  /// - Parameter most: how many candidates there may be: embedding them must not cost more than the document is worth.
  init(_ document: LoadedDocument, most: Int) {
    title = document.title
    var headings: [String] = []
    for block in document.blocks where block.kind == .heading {
      guard let own = block.heading.last, own != document.title, headings.count < 8 else { continue }
      headings.append(own)
    }
    self.headings = headings
    candidates = Self.centralSentences(document, count: max(Self.sentencesWanted, most))
  }

  /// Sentences whose words are frequent in the document, each word counting with the logarithm of its frequency.
  private static func centralSentences(_ document: LoadedDocument, count: Int) -> [String] {
    let bytes = Array(document.text.utf8)
    var sentences: [(text: String, words: Set<String>)] = []
    var frequency: [String: Int] = [:]
    // The first part of a long document is enough to tell what it is about.
    for block in document.blocks where block.kind == .prose && block.range.lowerBound < 1 << 18 {
      for range in Sentences.ranges(in: block.range, of: bytes)
      where range.count >= 30 && range.count <= longestSentence {
        let text = String(decoding: bytes[range], as: UTF8.self)
        let words = KeywordQuery.words(of: text).filter { $0.utf8.count > 3 }
        for word in words { frequency[word, default: 0] += 1 }
        if words.count >= 4 { sentences.append((text, Set(words))) }
      }
    }
    let scored = sentences.enumerated().map { index, sentence in
      let score =
        sentence.words.reduce(0.0) { $0 + log(1 + Double(frequency[$1] ?? 0)) } / Double(sentence.words.count + 4)
      // Of equals the earlier: it more often introduces what follows.
      return (sentence.text, score * (1 + 0.1 / Double(index + 1)))
    }
    return scored.sorted { $0.1 > $1.1 }.prefix(count).map {
      $0.0.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
  }

  /// The sentences nearest to the mean of all candidates.
  func sentences(_ vectors: [[Float]]) -> [String] {
    guard vectors.count == candidates.count, vectors.count > Self.sentencesWanted, let width = vectors.first?.count
    else { return Array(candidates.prefix(Self.sentencesWanted)) }
    var mean = [Float](repeating: 0, count: width)
    for vector in vectors { for i in mean.indices { mean[i] += vector[i] } }
    let order = candidates.indices.sorted { product(vectors[$0], mean) > product(vectors[$1], mean) }
    return order.prefix(Self.sentencesWanted).map { candidates[$0] }
  }

  func text(_ sentences: [String]) -> String? {
    let parts = [title, headings.isEmpty ? nil : headings.joined(separator: "; ")].compactMap { $0 } + sentences
    return sentences.isEmpty && headings.isEmpty ? nil : parts.joined(separator: "\n")
  }
}
