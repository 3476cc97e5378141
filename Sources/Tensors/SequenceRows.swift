/// The rows of a pass that belong to one sequence, and what they follow.
public struct SequenceRows {
  /// Which rows of the pass.
  public let rows: Range<Int>
  /// The sequence's keys and values of the layer.
  public let cache: KVLayer
  /// The position of the first of the rows in its sequence.
  public let start: Int

  public init(rows: Range<Int>, cache: KVLayer, start: Int) {
    self.rows = rows
    self.cache = cache
    self.start = start
  }

  func position(ofRow row: Int) -> Int { start + row - rows.lowerBound }
}

extension [Range<Int>] {
  /// Whether the ranges follow each other and make up all of `count`, none of them empty.
  func tile(_ count: Int) -> Bool {
    var end = 0
    for range in self {
      guard range.lowerBound == end, !range.isEmpty else { return false }
      end = range.upperBound
    }
    return end == count
  }
}
