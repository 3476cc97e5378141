/// Finds a token by its text: open addressing with four bytes a slot.
///
/// A slot holds the token plus one in its low 21 bits (0: empty) and 11 bits of the hash above, so that the text of
/// a token is hardly ever looked at in vain.
struct VocabularyIndex: Sendable {
  private var slots: [UInt32]
  private let mask: Int

  /// Indexes the tokens that text is put together of. Of several with one text the first is found.
  init(_ vocabulary: Vocabulary) {
    mask = powerOfTwo(atLeast: vocabulary.count + vocabulary.count / 2) - 1
    slots = Array(repeating: 0, count: mask + 1)
    for id in vocabulary.ids {
      guard let range = vocabulary.range(of: id), !range.isEmpty, vocabulary.kind(of: id)?.isMergeable == true
      else { continue }
      let text = vocabulary.bytes.span.bytes.extracting(range)
      let hash = TokenText.hash(text)
      let (slot, found) = find(text, hash, in: vocabulary)
      if found == nil { slots[slot] = Self.tag(hash) | UInt32(id + 1) }
    }
  }

  /// The token that is spelled `text`.
  func id(of text: RawSpan, in vocabulary: Vocabulary) -> Int32? {
    find(text, TokenText.hash(text), in: vocabulary).id
  }

  private func find(_ text: RawSpan, _ hash: UInt64, in vocabulary: Vocabulary) -> (slot: Int, id: Int32?) {
    var slot = Int(truncatingIfNeeded: hash) & mask
    // Ends, as a third of the slots is empty.
    while slots[slot] != 0 {
      if slots[slot] & Self.tagBits == Self.tag(hash) {
        let id = Int32(slots[slot] & ~Self.tagBits) - 1
        if vocabulary.matches(id, text) { return (slot, id) }
      }
      slot = (slot + 1) & mask
    }
    return (slot, nil)
  }

  private static let tagBits: UInt32 = 0xFFE0_0000
  private static func tag(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) & tagBits }
}

/// The smallest power of two, and of at least 8, that is not less than `count`.
func powerOfTwo(atLeast count: Int) -> Int {
  var size = 8
  while size < count { size *= 2 }
  return size
}
