/// BPE as SentencePiece does it (`tokenizer.ggml.model` = `llama`): text starts as its characters, and of all
/// neighbours that together are a token, those whose token has the highest score merge first (Kudo and Richardson 2018).
///
/// What is then no token is spelled in byte tokens, or becomes the unknown token. SentencePiece writes a space as
/// U+2581; here it is a space in the vocabulary and in the text.
final class SentencePieceModel: TextModel {
  private let vocabulary: Vocabulary
  private let index: VocabularyIndex
  private let scores: [Float]
  private let cuts: SpaceCuts
  private let fallback: Fallback
  let addsSpacePrefix: Bool

  /// - Parameter scores: one for each token, none of them NaN.
  init(_ vocabulary: Vocabulary, scores: [Float], fallback: Fallback, addsSpacePrefix: Bool) {
    self.vocabulary = vocabulary
    self.addsSpacePrefix = addsSpacePrefix
    self.fallback = fallback
    index = VocabularyIndex(vocabulary)
    self.scores = scores
    cuts = SpaceCuts(vocabulary)
  }

  func prepare(_ text: [UInt8]) -> [UInt8] { SpaceMark.decode(text) }

  func bytes(ofNormal text: ArraySlice<UInt8>) -> [UInt8] { Array(text) }

  func encode(_ text: [UInt8], _ range: Range<Int>, into ids: inout [Int32]) {
    if addsSpacePrefix {
      let prefixed = [UInt8(ascii: " ")] + text[range]
      encodeWords(prefixed, 0..<prefixed.count, into: &ids)
    } else {
      encodeWords(text, range, into: &ids)
    }
  }

  private func encodeWords(_ text: [UInt8], _ range: Range<Int>, into ids: inout [Int32]) {
    var queue = MergeQueue()
    var start = range.lowerBound
    while start < range.upperBound {
      let end = cuts.next(in: text, after: start, before: range.upperBound)
      queue.reset()
      var position = start
      while position < end {
        var next = position + 1
        while next < end, text[next] & 0xC0 == 0x80 { next += 1 }
        queue.append(find(text, position..<next) ?? Symbol.missing, start: start, end: next)
        position = next
      }
      queue.mergeAll { left, right in
        find(text, left.start..<right.end).map { (Self.priority(scores[Int($0)]), $0) }
      }
      queue.forEach { symbol in
        if symbol.id != Symbol.missing {
          ids.append(symbol.id)
        } else {
          fallback.append(text[symbol.start..<symbol.end], to: &ids)
        }
      }
      start = end
    }
  }

  private func find(_ text: [UInt8], _ range: Range<Int>) -> Int32? {
    index.id(of: text.span.bytes.extracting(range), in: vocabulary)
  }

  /// Maps scores to numbers in reverse order: the bits of a float are ordered like integers but for the sign.
  private static func priority(_ score: Float) -> UInt32 {
    let bits = (score == 0 ? 0 : score).bitPattern
    return bits >> 31 == 0 ? ~(bits | 1 << 31) : bits
  }
}
