/// Unigram (`tokenizer.ggml.model` = `t5`): of all ways to cut a text into pieces, the one whose scores, which are
/// logarithms of probabilities, have the greatest sum (Kudo 2018), found with Viterbi's algorithm.
///
/// A character that is no piece costs ten more than the rarest piece.
final class UnigramModel: TextModel {
  private let vocabulary: Vocabulary
  private let index: VocabularyIndex
  private let scores: [Float]
  private let unknownScore: Double
  private let normalizer: UnigramNormalizer
  private let cuts: SpaceCuts
  private let fallback: Fallback
  private let lengths: PieceLengths

  var addsSpacePrefix: Bool { normalizer.addsSpacePrefix }

  /// - Parameter scores: one for each token, none of them NaN.
  init(_ vocabulary: Vocabulary, scores: [Float], fallback: Fallback, normalizer: UnigramNormalizer) {
    self.vocabulary = vocabulary
    self.fallback = fallback
    self.normalizer = normalizer
    index = VocabularyIndex(vocabulary)
    cuts = SpaceCuts(vocabulary)
    lengths = PieceLengths(vocabulary)
    let normal = vocabulary.ids.filter { vocabulary.kind(of: $0) == .normal }.map { scores[Int($0)] }
    unknownScore = Double(normal.min() ?? 0) - 10
    // A user-defined token is taken wherever it is found: nothing scores more.
    var scores = scores
    for id in vocabulary.ids where vocabulary.kind(of: id) == .userDefined { scores[Int(id)] = 0 }
    self.scores = scores
  }

  func prepare(_ text: [UInt8]) -> [UInt8] { text }

  func bytes(ofNormal text: ArraySlice<UInt8>) -> [UInt8] { Array(text) }

  func encode(_ text: [UInt8], _ range: Range<Int>, into ids: inout [Int32]) {
    let text = normalizer.normalize(text, range)
    var lattice = Lattice()
    var start = 0
    while start < text.count {
      let end = cuts.next(in: text, after: start, before: text.count)
      lattice.reset(start..<end)
      fill(&lattice, text, start..<end)
      lattice.forEachOnBestPath { id, range in
        if id != Symbol.missing { ids.append(id) } else { fallback.append(text[range], to: &ids) }
      }
      start = end
    }
  }

  private func fill(_ lattice: inout Lattice, _ text: [UInt8], _ range: Range<Int>) {
    var position = range.lowerBound
    while position < range.upperBound {
      let next = endOfCharacter(text, position, before: range.upperBound)
      let limit = min(range.upperBound, position + lengths.longest(at: position, in: text, before: range.upperBound))
      var end = next
      var isPiece = false
      while end <= limit {
        if let id = index.id(of: text.span.bytes.extracting(position..<end), in: vocabulary) {
          lattice.offer(id, position..<end, score: Double(scores[Int(id)]))
          isPiece = isPiece || end == next
        }
        end = endOfCharacter(text, end, before: range.upperBound)
      }
      if !isPiece { lattice.offer(Symbol.missing, position..<next, score: unknownScore) }
      position = next
    }
  }
}

/// The best way to each place of a text.
private struct Lattice {
  private struct Arrival {
    var score = 0.0
    var start = -1
    var id = Symbol.missing
  }

  private var range = 0..<0
  private var arrivals: [Arrival] = []
  /// The score of the text before `range`: sums go on, so that they round as in one pass over the whole text.
  private var base = 0.0

  /// Goes on with the next part of the text.
  mutating func reset(_ next: Range<Int>) {
    if let last = arrivals.last { base = last.score }
    range = next
    arrivals.removeAll(keepingCapacity: true)
    arrivals.append(Arrival(score: base, start: next.lowerBound))
    for _ in next { arrivals.append(Arrival()) }
  }

  /// Offers a piece, to whose start there is a way. Of ways with equal scores the first offered stays.
  mutating func offer(_ id: Int32, _ piece: Range<Int>, score: Double) {
    let sum = arrivals[piece.lowerBound - range.lowerBound].score + score
    let end = piece.upperBound - range.lowerBound
    if arrivals[end].start < 0 || sum > arrivals[end].score {
      arrivals[end] = Arrival(score: sum, start: piece.lowerBound, id: id)
    }
  }

  /// Calls `body` with the pieces of the best way to the end, in order.
  func forEachOnBestPath(_ body: (Int32, Range<Int>) -> Void) {
    var ends: [Int] = []
    var position = range.upperBound
    while position > range.lowerBound {
      ends.append(position)
      position = arrivals[position - range.lowerBound].start
    }
    for end in ends.reversed() {
      let arrival = arrivals[end - range.lowerBound]
      body(arrival.id, arrival.start..<end)
    }
  }
}

/// How long the longest piece is that starts with given two bytes: so far, and no farther, pieces are looked for.
private struct PieceLengths: Sendable {
  private var longest = [UInt16](repeating: 0, count: 65536)

  init(_ vocabulary: Vocabulary) {
    for id in vocabulary.ids where vocabulary.kind(of: id)?.isMergeable == true {
      guard let range = vocabulary.range(of: id), range.count > 1 else { continue }
      let key = Self.key(vocabulary.bytes[range.lowerBound], vocabulary.bytes[range.lowerBound + 1])
      // No vocabulary has a piece of more than 64 KB.
      longest[key] = max(longest[key], UInt16(clamping: range.count))
    }
  }

  /// At least 1, as a byte by itself is not in the table.
  func longest(at position: Int, in text: [UInt8], before limit: Int) -> Int {
    position + 1 < limit ? max(1, Int(longest[Self.key(text[position], text[position + 1])])) : 1
  }

  private static func key(_ first: UInt8, _ second: UInt8) -> Int { Int(first) << 8 | Int(second) }
}
