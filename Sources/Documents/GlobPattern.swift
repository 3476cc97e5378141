/// A pattern for paths, as in `.gitignore`: `*` and `?` within a name, `**` for any number of folders, `[a-z]`.
public struct GlobPattern: Sendable, Equatable {
  private let parts: [[UInt8]]
  /// A leading `!`: what matches is taken after all.
  let isNegated: Bool
  /// A trailing `/`.
  let matchesFoldersOnly: Bool

  /// A pattern without a slash (but for one at its end) is for names in any folder.
  public init(_ pattern: String) {
    var rest = Substring(pattern)
    isNegated = rest.hasPrefix("!")
    if isNegated { rest.removeFirst() }
    if rest.hasPrefix("\\!") || rest.hasPrefix("\\#") { rest.removeFirst() }
    matchesFoldersOnly = rest.hasSuffix("/")
    if matchesFoldersOnly { rest.removeLast() }
    let isAnchored = rest.contains("/")
    if rest.hasPrefix("/") { rest.removeFirst() }
    let names = rest.split(separator: "/").map { Array($0.utf8) }
    parts = isAnchored ? names : [Array("**".utf8)] + names
  }

  /// Whether the pattern matches a path, whose parts are given from where the pattern is anchored.
  public func matches(_ path: String, isFolder: Bool = false) -> Bool {
    if matchesFoldersOnly, !isFolder { return false }
    let names = path.split(separator: "/").map { Array($0.utf8) }
    // Which parts of the pattern may be reached: all at once, so that no pattern takes exponential time.
    var states = closure([0])
    for name in names {
      var next: Set<Int> = []
      for state in states where state < parts.count {
        if isAnyFolders(state) {
          next.insert(state)
        } else if Self.matches(parts[state], name) {
          next.insert(state + 1)
        }
      }
      states = closure(next)
      if states.isEmpty { return false }
    }
    return states.contains(parts.count)
  }

  private func isAnyFolders(_ part: Int) -> Bool { part < parts.count && parts[part] == Array("**".utf8) }

  private func closure(_ states: Set<Int>) -> Set<Int> {
    var states = states
    var pending = Array(states)
    while let state = pending.popLast() {
      if isAnyFolders(state), states.insert(state + 1).inserted { pending.append(state + 1) }
    }
    return states
  }

  /// One name against one part: the last `*` is tried again with one more character, which suffices.
  private static func matches(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
    var (p, n) = (0, 0)
    var retry: (p: Int, n: Int)?
    while n < name.count {
      if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
        retry = (p, n)
        p += 1
      } else if let after = matchOne(pattern, p, name[n]) {
        p = after
        n += 1
      } else if let (star, from) = retry {
        retry = (star, from + 1)
        (p, n) = (star + 1, from + 1)
      } else {
        return false
      }
    }
    while p < pattern.count, pattern[p] == UInt8(ascii: "*") { p += 1 }
    return p == pattern.count
  }

  /// Where the pattern goes on after matching one byte; nil when it does not match.
  private static func matchOne(_ pattern: [UInt8], _ p: Int, _ byte: UInt8) -> Int? {
    guard p < pattern.count else { return nil }
    switch pattern[p] {
    case UInt8(ascii: "?"): return p + 1
    case UInt8(ascii: "\\") where p + 1 < pattern.count: return pattern[p + 1] == byte ? p + 2 : nil
    case UInt8(ascii: "["):
      guard let end = pattern[(p + 1)...].dropFirst().firstIndex(of: UInt8(ascii: "]")) else {
        return byte == UInt8(ascii: "[") ? p + 1 : nil
      }
      var set = pattern[(p + 1)..<end]
      let isInverse = set.first == UInt8(ascii: "!") || set.first == UInt8(ascii: "^")
      if isInverse { set.removeFirst() }
      var isIn = false
      var i = set.startIndex
      while i < set.endIndex {
        if i + 2 < set.endIndex, set[i + 1] == UInt8(ascii: "-") {
          if set[i] <= byte, byte <= set[i + 2] { isIn = true }
          i += 3
        } else {
          if set[i] == byte { isIn = true }
          i += 1
        }
      }
      return isIn != isInverse ? end + 1 : nil
    default: return pattern[p] == byte ? p + 1 : nil
    }
  }
}
