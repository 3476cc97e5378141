/// A token that may be drawn.
package struct Candidate: Equatable, Sendable {
  package var id: Int32
  package var logit: Float

  /// Better means a higher logit, and the lower id of equals. Logits are never NaN here: see `makeComparable`.
  @inline(__always)
  func isBetter(than other: Candidate) -> Bool {
    logit > other.logit || (logit == other.logit && id < other.id)
  }
}

/// The tokens still in the running. Before any step has chosen, that is the whole vocabulary in order of id.
package struct Candidates {
  package private(set) var items: [Candidate]
  /// Best first. The whole vocabulary is never sorted.
  private(set) var isSorted: Bool
  /// The highest logit.
  let best: Float

  /// All of a row of logits `[vocabulary]`.
  init(all row: [Float]) {
    items = row.indices.map { Candidate(id: Int32(truncatingIfNeeded: $0), logit: row[$0]) }
    best = highest(row)
    isSorted = items.count <= 1
  }

  /// The `count` best of a row, best first.
  package init(best count: Int, of row: [Float]) {
    items = bestCandidates(count, of: row.count) { Candidate(id: Int32(truncatingIfNeeded: $0), logit: row[$0]) }
    best = items.first?.logit ?? 0
    isSorted = true
  }

  /// The probabilities of the candidates at a temperature, each times a constant which makes the best one's 1; and the
  /// sum of these weights.
  func weights(temperature: Float = 1) -> (of: [Float], sum: Double) {
    var weights = items.map { $0.logit }
    let sum = exponentiate(&weights, below: best, temperature: temperature)
    return (weights, sum)
  }

  /// Keeps the `count` best, best first.
  mutating func keepBest(_ count: Int) {
    if isSorted {
      items.removeLast(max(0, items.count - count))
    } else {
      let all = items
      items = bestCandidates(count, of: all.count) { all[$0] }
      isSorted = true
    }
  }

  /// Keeps those at the indices that `condition` holds for, in their order.
  mutating func keep(where condition: (Int) -> Bool) {
    items = items.indices.lazy.filter(condition).map { items[$0] }
  }
}

/// The `count` best of `total` candidates, best first, in O(n log count): those that may be among the best are
/// collected, and when there are twice as many as wanted the worse half goes.
///
/// - Parameter candidate: in order of id, so that of equals the first is the better.
@inline(__always)
func bestCandidates(_ count: Int, of total: Int, _ candidate: (Int) -> Candidate) -> [Candidate] {
  let count = min(count, total)
  guard count > 0 else { return [] }
  var best: [Candidate] = []
  func cut() {
    best.sort { $0.isBetter(than: $1) }
    best.removeLast(max(0, best.count - count))
  }
  var bar = -Float.infinity
  for index in 0..<total {
    let candidate = candidate(index)
    guard candidate.logit > bar else { continue }
    best.append(candidate)
    if best.count == 2 * count {
      cut()
      bar = best[count - 1].logit
    }
  }
  cut()
  return best
}

/// The highest logit of a row without NaN, 0 of none.
package func highest(_ row: [Float]) -> Float {
  guard var best = row.first else { return 0 }
  for logit in row { best = logit > best ? logit : best }
  return best
}

/// Makes a row fit for comparison and arithmetic: NaN becomes the lowest finite number, infinities the nearest.
func makeComparable(_ row: inout [Float]) {
  let limit = Float.greatestFiniteMagnitude
  for index in row.indices {
    let logit = row[index]
    row[index] = logit >= -limit ? (logit <= limit ? logit : limit) : -limit
  }
}
