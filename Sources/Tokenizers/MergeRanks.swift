import KingletGGUF

/// The merges of a byte-pair vocabulary: how soon two neighbours become a token.
///
/// A merge "left right" is kept with the token it gives, as its rank and the length of its left side: two neighbours
/// merge when together they spell a token that is listed with this division. So no pair is ever looked up by its two
/// tokens, and reading 151,387 merges takes one walk through them instead of 302,774 searches.
struct MergeRanks: Sendable {
  /// The entries of token `t` are those from `starts[t]` up to `starts[t + 1]`, the lowest rank first.
  private let starts: [UInt32]
  private var ranks: [UInt32]
  private var leftLengths: [UInt16]

  /// Reads `tokenizer.ggml.merges`, the first merge first.
  ///
  /// - Throws: what is wrong when a merge does not give a token.
  init(_ merges: GGUFStrings, of vocabulary: Vocabulary, _ index: VocabularyIndex) throws(MergeError) {
    var results: [Int32] = []
    var lengths: [UInt16] = []
    results.reserveCapacity(merges.count)
    lengths.reserveCapacity(merges.count)
    var starts = [UInt32](repeating: 0, count: vocabulary.count + 1)
    try merges.forEachBytes { (text) throws(MergeError) in
      guard let merge = Self.read(text, after: results.last ?? -1, vocabulary, index) else {
        let spelling = TokenText.string(text).debugDescription
        throw MergeError(message: "merge \(results.count) (\(spelling)) does not give a token")
      }
      results.append(merge.result)
      lengths.append(merge.leftLength)
      starts[Int(merge.result)] += 1
    }
    // Sorted by token: each has its entries before `starts`, which moves down as they are filled in from the last, so
    // that the lowest rank of a token comes first.
    for id in 1..<starts.count { starts[id] += starts[id - 1] }
    ranks = Array(repeating: 0, count: results.count)
    leftLengths = Array(repeating: 0, count: results.count)
    for rank in results.indices.reversed() {
      let result = Int(results[rank])
      starts[result] -= 1
      let entry = Int(starts[result])
      ranks[entry] = UInt32(truncatingIfNeeded: rank)
      leftLengths[entry] = lengths[rank]
    }
    self.starts = starts
  }

  /// The rank of the merge of a text of `leftLength` bytes with another one to `token`, or nil when there is none.
  func rank(of token: Int32, leftLength: Int) -> UInt32? {
    for entry in Int(starts[Int(token)])..<Int(starts[Int(token) + 1]) where Int(leftLengths[entry]) == leftLength {
      return ranks[entry]
    }
    return nil
  }

  /// One merge. Tokens are nearly always numbered in the order of their merges, so the result of the merge before
  /// saves a search.
  private static func read(
    _ merge: RawSpan, after previous: Int32, _ vocabulary: Vocabulary, _ index: VocabularyIndex
  ) -> (result: Int32, leftLength: UInt16)? {
    // No token holds a space: the alphabet writes it otherwise.
    guard let space = TokenText.firstSpace(in: merge), space > 0, space < merge.byteCount - 1,
      let leftLength = UInt16(exactly: space)
    else { return nil }
    let (left, right) = (merge.extracting(first: space), merge.extracting(droppingFirst: space + 1))
    if vocabulary.matches(previous + 1, left, right) { return (previous + 1, leftLength) }
    if vocabulary.matches(previous, left, right) { return (previous, leftLength) }
    let joined = TokenText.joined(left, right)
    return index.id(of: joined.span.bytes, in: vocabulary).map { ($0, leftLength) }
  }
}

/// What is wrong with a list of merges.
struct MergeError: Error {
  let message: String
}
