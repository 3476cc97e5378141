import KingletErrors

/// Finds stop strings in text that arrives in pieces, and holds back what may turn out to be the beginning of one.
///
/// Text is compared byte by byte in UTF-8 (no canonical equivalence). The first stop string to be complete wins, the
/// longest of those complete at the same byte, so the result does not depend on how the text is cut into pieces.
/// Method: one automaton per string (Knuth, Morris and Pratt, 1977): linear in the text, however it repeats itself.
public struct StopMatcher: Sendable {
  private var automata: [Automaton]
  /// The end of the text so far that has not been emitted: a prefix of some stop string.
  private var held: [UInt8] = []
  /// A stop string has been found; all later text is ignored.
  public private(set) var hasMatched = false

  /// - Throws: `.invalidArgument` for an empty stop string.
  public init(_ strings: [String]) throws(KingletError) {
    if strings.contains("") {
      throw KingletError(.invalidArgument, "a stop string is empty", remedy: "Leave it out: it would match anywhere.")
    }
    automata = strings.map(Automaton.init)
  }

  /// Takes the next piece (whole characters) and returns what is now known to be wanted. When a stop string is complete
  /// that is the text before it, and `hasMatched` becomes true.
  public mutating func append(_ piece: String) -> String {
    if hasMatched { return "" }
    if automata.isEmpty { return piece }
    for byte in piece.utf8 {
      held.append(byte)
      var longest = 0
      for index in automata.indices where automata[index].advance(byte) {
        hasMatched = true
        longest = max(longest, automata[index].matched)
      }
      if hasMatched {
        held.removeLast(longest)
        return finish()
      }
    }
    let kept = automata.reduce(0) { max($0, $1.matched) }
    let text = String(decoding: held.dropLast(kept), as: UTF8.self)
    held.removeFirst(held.count - kept)
    return text
  }

  /// The text held back, when no more will come.
  public mutating func finish() -> String {
    defer { held = [] }
    return String(decoding: held, as: UTF8.self)
  }
}

/// Follows one stop string through the text.
private struct Automaton {
  private let pattern: [UInt8]
  /// For each length of a matched prefix, the length of its longest proper suffix that is a prefix as well.
  private let fallback: [Int]
  /// Bytes of the pattern that the text now ends with.
  private(set) var matched = 0

  init(_ string: String) {
    let pattern = Array(string.utf8)
    var fallback = [0, 0]
    var length = 0
    for byte in pattern.dropFirst() {
      while length > 0 && pattern[length] != byte { length = fallback[length] }
      if pattern[length] == byte { length += 1 }
      fallback.append(length)
    }
    self.pattern = pattern
    self.fallback = fallback
  }

  /// True when the pattern is complete. Not to be called again after that.
  mutating func advance(_ byte: UInt8) -> Bool {
    while matched > 0 && pattern[matched] != byte { matched = fallback[matched] }
    if pattern[matched] == byte { matched += 1 }
    return matched == pattern.count
  }
}
