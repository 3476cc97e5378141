import KingletErrors

/// Which rows of a sequence become its one row.
public enum PooledRows: Sendable {
  /// The mean of all of them.
  case mean
  case first
  case last
}

extension Compute {
  /// One row of `pooled` for each sequence of rows of `x`; none may be empty.
  ///
  /// - Throws: `.invalidArgument` for rows that `x` has not or another width, or `.outOfMemory`.
  public func pool(
    _ x: FloatMatrix, sequences: [Range<Int>], _ kind: PooledRows, to pooled: FloatMatrix
  ) throws(KingletError) {
    guard x.columns == pooled.columns,
      sequences.allSatisfy({ !$0.isEmpty && $0.lowerBound >= 0 && $0.upperBound <= x.rows })
    else {
      throw KingletError(.invalidArgument, "the rows to be pooled are not there")
    }
    try pooled.resize(rows: sequences.count)
    for (i, rows) in sequences.enumerated() {
      let out = pooled.row(i)
      switch kind {
      case .first: out.update(from: x.row(rows.lowerBound), count: x.columns)
      case .last: out.update(from: x.row(rows.upperBound - 1), count: x.columns)
      case .mean:
        out.update(repeating: 0, count: x.columns)
        for row in rows { table.addScaled(out, x.row(row), 1 / Float(rows.count), x.columns) }
      }
    }
  }
}
