import KingletErrors

extension Compute {
  /// Rows of an embedding table, times `scale`, as the first activations.
  ///
  /// - Throws: `.invalidArgument` for a row outside the table or an output of another width, or `.outOfMemory`.
  public func embed(
    _ rows: ArraySlice<Int32>, from table: PackedMatrix, scale: Float, to output: FloatMatrix
  ) throws(KingletError) {
    for row in rows where row < 0 || Int(row) >= table.rows {
      throw KingletError(.invalidArgument, "token \(row) is outside the vocabulary of \(table.rows)")
    }
    guard output.columns == table.columns else {
      throw KingletError(.invalidArgument, "embeddings of \(table.columns) make no rows of \(output.columns)")
    }
    try output.resize(rows: rows.count)
    try reserveScratch(table.panelRows * table.rowByteCount)
    for (i, row) in rows.enumerated() {
      table.unpack(first: Int(row), count: 1, scratch: scratch(0), into: output.row(i))
      guard scale != 1 else { continue }
      for j in 0..<output.columns { output.row(i)[j] *= scale }
    }
  }

  /// Adds rows of a table, one for each row of `output`: learned positions.
  ///
  /// - Throws: `.invalidArgument` for a row outside the table or tables of another width, or `.outOfMemory`.
  public func add(_ rows: [Int], of table: PackedMatrix, to output: FloatMatrix) throws(KingletError) {
    guard rows.count == output.rows, output.columns == table.columns,
      rows.allSatisfy({ (0..<table.rows).contains($0) })
    else {
      throw KingletError(.invalidArgument, "a table of \(table.rows) x \(table.columns) has not the rows to be added")
    }
    let bytes = (table.columns * MemoryLayout<Float>.stride + 63) / 64 * 64
    try reserveScratch(bytes + table.panelRows * table.rowByteCount)
    let values = scratch(0).assumingMemoryBound(to: Float.self)
    for (i, row) in rows.enumerated() {
      table.unpack(first: row, count: 1, scratch: scratch(0) + bytes, into: values)
      self.table.addScaled(output.row(i), values, 1, output.columns)
    }
  }

  /// Adds the same vector to some rows.
  ///
  /// - Throws: `.invalidArgument` when it is not as wide, or the rows are not there.
  public func add(_ vector: FloatVector, to output: FloatMatrix, rows: Range<Int>) throws(KingletError) {
    guard vector.count == output.columns, rows.lowerBound >= 0, rows.upperBound <= output.rows else {
      throw KingletError(.invalidArgument, "a vector of \(vector.count) does not fit rows of \(output.columns)")
    }
    for row in rows { table.addScaled(output.row(row), vector.base, 1, output.columns) }
  }

  /// Adds the rows of `y` times `scale` to some rows of `output`.
  ///
  /// - Throws: `.invalidArgument` when there are not as many, or not as wide ones.
  public func add(
    _ y: FloatMatrix, times scale: Float, to output: FloatMatrix, rows: Range<Int>
  ) throws(KingletError) {
    guard y.columns == output.columns, y.rows == rows.count, rows.lowerBound >= 0, rows.upperBound <= output.rows else {
      throw KingletError(.invalidArgument, "\(y.rows) rows of \(y.columns) do not fit rows of \(output.columns)")
    }
    for (i, row) in rows.enumerated() { table.addScaled(output.row(row), y.row(i), scale, output.columns) }
  }
}
