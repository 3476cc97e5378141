/// A part of a word while it is being merged: one token so far, and its neighbours.
struct Symbol {
  /// The token, or `Symbol.missing` where the vocabulary has none for this text.
  fileprivate(set) var id: Int32
  /// Where its text starts and ends.
  fileprivate(set) var start: Int
  fileprivate(set) var end: Int
  fileprivate var previous: Int
  fileprivate var next: Int
  /// The merge with the next symbol, as promised to the queue; `noMerge` when there is none.
  fileprivate var priority = noMerge
  fileprivate var result: Int32 = 0

  static let missing: Int32 = -1
  fileprivate static let noMerge = UInt32.max
}

/// Merges neighbours until nothing merges: a linked list of symbols and a heap of possible merges, O(n log n) where
/// looking for the best pair anew each time would be O(n²).
///
/// Kept between words, so that its storage is allocated once.
struct MergeQueue {
  private var symbols: [Symbol] = []
  /// Priority in the upper half, position in the lower. An entry is void when the symbol there has changed since.
  private var heap = MinimumHeap()

  /// Starts over with an empty list.
  mutating func reset() { symbols.removeAll(keepingCapacity: true) }

  /// Adds a symbol from the end of the one before, or from `start` for the first, to `end`.
  mutating func append(_ id: Int32, start: Int = 0, end: Int) {
    let count = symbols.count
    let start = count == 0 ? start : symbols[count - 1].end
    symbols.append(Symbol(id: id, start: start, end: end, previous: count - 1, next: count + 1))
  }

  /// Merges to the end. `rule` says what two neighbours become; the smallest priority is merged first and, among
  /// equals, the leftmost.
  mutating func mergeAll(_ rule: (Symbol, Symbol) -> (priority: UInt32, result: Int32)?) {
    for left in symbols.indices.dropLast() { propose(left, rule) }
    while let entry = heap.popFirst() {
      let left = Int(entry & 0xFFFF_FFFF)
      guard symbols[left].priority == UInt32(entry >> 32) else { continue }
      join(left)
      propose(left, rule)
      if symbols[left].previous >= 0 { propose(symbols[left].previous, rule) }
    }
  }

  /// Whether a single symbol is left, and it is `id`.
  func isOne(_ id: Int32) -> Bool {
    guard let first = symbols.first else { return false }
    return first.id == id && first.next == symbols.count
  }

  /// Calls `body` with what is left, in order.
  func forEach(_ body: (Symbol) -> Void) {
    var index = 0
    while index < symbols.count {
      body(symbols[index])
      index = symbols[index].next
    }
  }

  /// Joins a symbol with its successor.
  private mutating func join(_ left: Int) {
    let right = symbols[left].next
    let next = symbols[right].next
    symbols[left].id = symbols[left].result
    symbols[left].end = symbols[right].end
    symbols[left].next = next
    symbols[right].priority = Symbol.noMerge
    if next < symbols.count { symbols[next].previous = left }
  }

  /// Looks up the merge of a symbol with its successor, and queues it.
  private mutating func propose(_ left: Int, _ rule: (Symbol, Symbol) -> (priority: UInt32, result: Int32)?) {
    let right = symbols[left].next
    guard right < symbols.count, let merge = rule(symbols[left], symbols[right]) else {
      symbols[left].priority = Symbol.noMerge
      return
    }
    let priority = min(merge.priority, Symbol.noMerge - 1)
    symbols[left].priority = priority
    symbols[left].result = merge.result
    heap.insert(UInt64(priority) << 32 | UInt64(UInt32(truncatingIfNeeded: left)))
  }
}

/// A binary heap that gives the smallest number first.
private struct MinimumHeap {
  private var items: [UInt64] = []

  mutating func insert(_ item: UInt64) {
    var hole = items.count
    items.append(item)
    while hole > 0, items[(hole - 1) / 2] > item {
      items[hole] = items[(hole - 1) / 2]
      hole = (hole - 1) / 2
    }
    items[hole] = item
  }

  mutating func popFirst() -> UInt64? {
    guard let last = items.popLast() else { return nil }
    guard let first = items.first else { return last }
    var hole = 0
    while true {
      var child = 2 * hole + 1
      if child + 1 < items.count, items[child + 1] < items[child] { child += 1 }
      guard child < items.count, items[child] < last else { break }
      items[hole] = items[child]
      hole = child
    }
    items[hole] = last
    return first
  }
}
