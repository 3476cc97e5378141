import KingletKernels

/// Which positions of its own sequence a token sees, where the whole sequence is there at once.
public enum AttentionSpan: Sendable, Equatable {
  /// All of them: an encoder.
  case everything
  /// Those at most so many positions away, before it or after it.
  case around(Int)
  /// Itself and what comes before it, or the last so many of these: a decoder.
  case past(window: Int?)
}

/// The positions that a query sees.
struct Visible {
  let positions: Range<Int>

  /// In a sequence that grows: the past, or as much of it as a window shows.

  init(position: Int, window: Int?) {
    positions = Self.past(position, window)
  }

  /// In a sequence of `count` positions.
  init(position: Int, span: AttentionSpan, count: Int) {
    switch span {
    case .everything: positions = 0..<count
    case .around(let distance): positions = max(0, position - distance)..<min(count, position + distance + 1)
    case .past(let window): positions = Self.past(position, window)
    }
  }

  private static func past(_ position: Int, _ window: Int?) -> Range<Int> {
    max(0, position + 1 - (window ?? position + 1))..<position + 1
  }

  var pages: Range<Int> {
    positions.lowerBound / KVPageLayout.positions..<(positions.upperBound - 1) / KVPageLayout.positions + 1
  }

  /// The slots of a page that are seen; empty where it holds none.
  func slots(of page: Int) -> Range<Int> {
    let first = page * KVPageLayout.positions
    let lower = min(max(positions.lowerBound - first, 0), KVPageLayout.positions)
    let upper = min(max(positions.upperBound - first, 0), KVPageLayout.positions)
    return lower..<max(lower, upper)
  }
}
