/// BPE as SentencePiece does it (`tokenizer.ggml.model` = `llama`): text starts as its characters, and of all
/// neighbours that together are a token, those whose token has the highest score merge first (Kudo and Richardson 2018).
///
/// What is then no token is spelled in byte tokens, or becomes the unknown token. SentencePiece writes a space as
/// U+2581; here it is a space in the vocabulary and in the text.
final class SentencePieceModel: TextModel {
  private let vocabulary: Vocabulary
  private let index: VocabularyIndex
  private let scores: [Float]
  private let byteTokens: [Int32]
  private let unknown: Int32
  let addsSpacePrefix: Bool
  /// The bytes that stand before a space inside a token. Where no token has the byte before a space, no merge crosses
  /// that place, and text is cut there: words stay in the cache, which a text of a megabyte does not.
  private let bytesBeforeSpace: [Bool]

  /// - Parameter scores: one for each token, none of them NaN.
  init(_ vocabulary: Vocabulary, scores: [Float], unknown: Int32?, addsSpacePrefix: Bool) {
    self.vocabulary = vocabulary
    self.addsSpacePrefix = addsSpacePrefix
    self.unknown = unknown ?? Symbol.missing
    index = VocabularyIndex(vocabulary)
    self.scores = scores
    byteTokens = Self.byteTokens(of: vocabulary)
    bytesBeforeSpace = Self.bytesBeforeSpace(in: vocabulary)
  }

  /// Whether every text has tokens.
  var spellsAnything: Bool { unknown != Symbol.missing || !byteTokens.contains(Symbol.missing) }

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
      let end = endOfWord(text, from: start, before: range.upperBound)
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
      queue.forEach { append($0, of: text, to: &ids) }
      start = end
    }
  }

  private func endOfWord(_ text: [UInt8], from start: Int, before limit: Int) -> Int {
    let space = UInt8(ascii: " ")
    var end = start + 1
    while end < limit, text[end] != space || text[end - 1] == space || bytesBeforeSpace[Int(text[end - 1])] { end += 1 }
    return end
  }

  private func append(_ symbol: Symbol, of text: [UInt8], to ids: inout [Int32]) {
    guard symbol.id == Symbol.missing else { return ids.append(symbol.id) }
    let bytes = text[symbol.start..<symbol.end].map { byteTokens[Int($0)] }
    if !bytes.contains(Symbol.missing) {
      ids += bytes
    } else if unknown != Symbol.missing, ids.last != unknown {
      // SentencePiece makes one unknown token of a run of them.
      ids.append(unknown)
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

  private static func byteTokens(of vocabulary: Vocabulary) -> [Int32] {
    var tokens = [Int32](repeating: Symbol.missing, count: 256)
    for id in vocabulary.ids where vocabulary.kind(of: id) == .byte {
      guard let range = vocabulary.range(of: id), range.count == 1 else { continue }
      tokens[Int(vocabulary.bytes[range.lowerBound])] = id
    }
    return tokens
  }

  private static func bytesBeforeSpace(in vocabulary: Vocabulary) -> [Bool] {
    let space = UInt8(ascii: " ")
    var found = [Bool](repeating: false, count: 256)
    let bytes = vocabulary.bytes.span
    for id in vocabulary.ids {
      guard let range = vocabulary.range(of: id), range.count > 1 else { continue }
      for index in range.lowerBound + 1..<range.upperBound where bytes[index] == space {
        found[Int(bytes[index - 1])] = true
      }
    }
    return found
  }
}
