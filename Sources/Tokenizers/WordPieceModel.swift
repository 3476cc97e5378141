/// WordPiece (`tokenizer.ggml.model` = `bert`): each word is cut from the left into the longest tokens there are
/// (Schuster and Nakajima 2012; as BERT does it, Devlin et al. 2018).
///
/// A word that cannot be cut so, or that is longer than a hundred characters, is unknown as a whole. In the vocabulary a
/// token that starts a word has a space before it, and one that continues a word has nothing; the originals write
/// nothing and "##".
final class WordPieceModel: TextModel {
  private let vocabulary: Vocabulary
  private let index: VocabularyIndex
  private let words: BertWords
  private let unknown: Int32
  /// The length of the longest token, in bytes: nothing longer is looked for.
  private let longest: Int

  var addsSpacePrefix: Bool { false }

  init(_ vocabulary: Vocabulary, words: BertWords, unknown: Int32) {
    self.vocabulary = vocabulary
    self.words = words
    self.unknown = unknown
    index = VocabularyIndex(vocabulary)
    longest = vocabulary.longestMergeableByteCount
  }

  func prepare(_ text: [UInt8]) -> [UInt8] { text }

  func bytes(ofNormal text: ArraySlice<UInt8>) -> [UInt8] { Array(text) }

  func encode(_ text: [UInt8], _ range: Range<Int>, into ids: inout [Int32]) {
    words.forEach(text, range) { word, characterCount in
      let start = ids.count
      if characterCount > Self.maximumWordLength || !appendPieces(of: word, to: &ids) {
        ids.removeLast(ids.count - start)
        ids.append(unknown)
      }
    }
  }

  private static let maximumWordLength = 100

  /// Appends the pieces of a word, or the first of them and false when the rest has none.
  private func appendPieces(of word: [UInt8], to ids: inout [Int32]) -> Bool {
    // A space by itself is no piece: the first holds at least one character besides.
    var (start, least) = (0, 2)
    while start < word.count {
      guard let (id, end) = longestPiece(of: word, from: start, least: least) else { return false }
      ids.append(id)
      (start, least) = (end, 1)
    }
    return true
  }

  private func longestPiece(of word: [UInt8], from start: Int, least: Int) -> (id: Int32, end: Int)? {
    var end = min(word.count, start + longest)
    while end >= start + least {
      let isBoundary = end == word.count || word[end] & 0xC0 != 0x80
      if isBoundary, let id = index.id(of: word.span.bytes.extracting(start..<end), in: vocabulary) { return (id, end) }
      end -= 1
    }
    return nil
  }
}
