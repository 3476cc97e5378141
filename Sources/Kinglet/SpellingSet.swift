/// Byte strings, to be found in a text: a sorted array used as a trie.
struct SpellingSet: Sendable {
  /// Without duplicates, so that of those with a common prefix, the one that is no longer than it comes first.
  private let spellings: [[UInt8]]
  private let starts: [Bool]
  /// The length of the longest.
  let longest: Int

  init(_ spellings: some Sequence<[UInt8]>) {
    self.spellings = Set(spellings.lazy.filter { !$0.isEmpty }).sorted { $0.lexicographicallyPrecedes($1) }
    var starts = [Bool](repeating: false, count: 256)
    for spelling in self.spellings { starts[Int(spelling[0])] = true }
    self.starts = starts
    longest = self.spellings.reduce(0) { max($0, $1.count) }
  }

  /// The longest spelling that stands at `position` (0: none), and whether the text ends inside of one.
  func match(_ text: [UInt8], at position: Int) -> (length: Int, isCutOff: Bool) {
    guard starts[Int(text[position])] else { return (0, false) }
    var length = 0
    var depth = 0
    // Those that begin like text[position..<position + depth].
    var candidates = spellings[...]
    while let first = candidates.first {
      if first.count == depth {
        length = depth
        candidates.removeFirst()
        continue
      }
      guard position + depth < text.count else { return (length, true) }
      let byte = text[position + depth]
      let lower = candidates.firstIndex(notBefore: byte, at: depth)
      candidates = candidates[lower...]
      candidates =
        candidates[..<(byte == .max ? candidates.endIndex : candidates.firstIndex(notBefore: byte + 1, at: depth))]
      depth += 1
    }
    return (length, false)
  }
}

extension ArraySlice<[UInt8]> {
  /// By bisection: the first whose byte at `depth` is not below `byte`. All are longer than `depth` and alike before it.
  fileprivate func firstIndex(notBefore byte: UInt8, at depth: Int) -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = low + (high - low) / 2
      if self[middle][depth] < byte { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
