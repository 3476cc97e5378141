/// A token that may be drawn.
struct Candidate: Equatable, Sendable {
  var id: Int32
  var logit: Float

  /// Better means a higher logit, and the lower id of equals. Logits are never NaN here: see `makeComparable`.
  @inline(__always)
  func isBetter(than other: Candidate) -> Bool {
    logit > other.logit || (logit == other.logit && id < other.id)
  }
}

/// The tokens still in the running. Before any step has chosen, that is the whole vocabulary in order of id.
struct Candidates {
  private(set) var items: [Candidate]
  /// Best first. The whole vocabulary is never sorted.
  private(set) var isSorted: Bool
  /// The highest logit.
  let best: Float

  /// All of a row of logits `[vocabulary]`.
  init(all row: [Float]) {
    items = row.indices.map { Candidate(id: Int32(truncatingIfNeeded: $0), logit: row[$0]) }
    best = row.max() ?? 0
    isSorted = items.count <= 1
  }

  /// The `count` best of a row, best first.
  init(best count: Int, of row: [Float]) {
    items = bestCandidates(
      count, of: row.indices.lazy.map { Candidate(id: Int32(truncatingIfNeeded: $0), logit: row[$0]) })
    best = items.first?.logit ?? 0
    isSorted = true
  }

  /// The probability of a candidate, times a constant common to all: 1 for the best.
  @inline(__always)
  func weight(of candidate: Candidate) -> Float { exponential(candidate.logit - best) }

  /// Keeps the `count` best, best first.
  mutating func keepBest(_ count: Int) {
    if isSorted {
      items.removeLast(max(0, items.count - count))
    } else {
      items = bestCandidates(count, of: items)
      isSorted = true
    }
  }

  /// Keeps those that `condition` holds for, in their order.
  mutating func keep(where condition: (Candidate) -> Bool) {
    items = items.filter(condition)
  }
}

/// The `count` best candidates, best first, in O(n log count): a heap holds the best so far, the worst of them on top.
func bestCandidates(_ count: Int, of candidates: some Sequence<Candidate>) -> [Candidate] {
  guard count > 0 else { return [] }
  var heap: [Candidate] = []

  func siftDown(from start: Int) {
    var parent = start
    while true {
      var worst = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if heap[worst].isBetter(than: heap[child]) { worst = child }
      }
      if worst == parent { return }
      heap.swapAt(parent, worst)
      parent = worst
    }
  }

  for candidate in candidates {
    if heap.count < count {
      heap.append(candidate)
      if heap.count == count {
        for parent in (0..<count / 2).reversed() { siftDown(from: parent) }
      }
    } else if candidate.isBetter(than: heap[0]) {
      heap[0] = candidate
      siftDown(from: 0)
    }
  }
  return heap.sorted { $0.isBetter(than: $1) }
}

/// Makes a row fit for comparison and arithmetic: NaN becomes the lowest finite number, infinities the nearest.
func makeComparable(_ row: inout [Float]) {
  let limit = Float.greatestFiniteMagnitude
  for index in row.indices {
    let logit = row[index]
    row[index] = logit >= -limit ? min(logit, limit) : -limit
  }
}
