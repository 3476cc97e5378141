import KingletGGUF

/// Byte-level BPE (`tokenizer.ggml.model` = `gpt2`): text is cut into words, each word starts as its bytes, and the
/// merge of the lowest rank is made until there is none (Sennrich et al. 2016; on bytes: GPT-2, Radford et al. 2019).
final class BytePairModel: TextModel {
  private let vocabulary: Vocabulary
  private let index: VocabularyIndex
  private let ranks: MergeRanks
  private let preTokenizer: PreTokenizer
  /// The token of each byte. Some vocabularies lack bytes that are rare or never occur in UTF-8.
  private let byteTokens: [Int32]

  var addsSpacePrefix: Bool { false }

  init(_ vocabulary: Vocabulary, merges: GGUFStrings, preTokenizer: PreTokenizer) throws(MergeError) {
    let index = VocabularyIndex(vocabulary)
    self.vocabulary = vocabulary
    self.index = index
    self.preTokenizer = preTokenizer
    ranks = try MergeRanks(merges, of: vocabulary, index)
    byteTokens = (0..<256).map { byte in
      var text: [UInt8] = []
      ByteAlphabet.spell(UInt8(byte), into: &text)
      return index.id(of: text.span.bytes, in: vocabulary) ?? Symbol.missing
    }
  }

  func prepare(_ text: [UInt8]) -> [UInt8] { text }

  func bytes(ofNormal text: ArraySlice<UInt8>) -> [UInt8] { ByteAlphabet.decode(text) }

  func encode(_ text: [UInt8], _ range: Range<Int>, into ids: inout [Int32]) {
    guard preTokenizer.composes, text[range].contains(where: { $0 >= 0x80 }) else {
      return encodeWords(text, range, into: &ids)
    }
    let composed = CanonicalComposition.compose(text, range)
    encodeWords(composed, 0..<composed.count, into: &ids)
  }

  private func encodeWords(_ text: [UInt8], _ range: Range<Int>, into ids: inout [Int32]) {
    var queue = MergeQueue()
    var spelled: [UInt8] = []
    var whole = WholeTokens(areGiven: preTokenizer.prefersWholeTokens)
    PreTokenizerRun(preTokenizer, text, range).forEachWord { word in
      queue.reset()
      spelled.removeAll(keepingCapacity: true)
      for position in word {
        ByteAlphabet.spell(text[position], into: &spelled)
        queue.append(byteTokens[Int(text[position])], end: spelled.count)
      }
      let token = index.id(of: spelled.span.bytes, in: vocabulary)
      if let token, whole.contains(token) { return ids.append(token) }
      queue.mergeAll { left, right in
        guard let id = index.id(of: spelled.span.bytes.extracting(left.start..<right.end), in: vocabulary),
          let rank = ranks.rank(of: id, leftLength: left.end - left.start)
        else { return nil }
        return (rank, id)
      }
      if let token, queue.isOne(token) { whole.insert(token) }
      // A byte that the vocabulary lacks is dropped, as the original tokenizers do.
      queue.forEach { if $0.id != Symbol.missing { ids.append($0.id) } }
    }
  }
}

/// The tokens that a word becomes as a whole when it spells them.
///
/// Nearly every word of a text that is a token merges to that token, so it is merged once and then remembered.
private struct WholeTokens {
  /// Whether any word that spells a token is that token, whatever the merges would make of it.
  let areGiven: Bool
  /// One bit a token.
  private var bits: [UInt64] = []

  init(areGiven: Bool) { self.areGiven = areGiven }

  func contains(_ token: Int32) -> Bool {
    let index = Int(token) / 64
    return areGiven || index < bits.count && bits[index] >> UInt64(token % 64) & 1 == 1
  }

  mutating func insert(_ token: Int32) {
    let index = Int(token) / 64
    while bits.count <= index { bits.append(0) }
    bits[index] |= 1 << UInt64(token % 64)
  }
}
