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
}
