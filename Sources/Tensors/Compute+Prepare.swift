import KingletErrors
import KingletKernels

/// The input of matrix products: rows as floats, unless only their tiles are read, and in tiles for the kernels that will
/// read them.
///
/// Valid until the next `prepare` of the same `Compute`.
public struct Activations {
  let floats: UnsafePointer<Float>
  let stride: Int
  let rows: Int
  let columns: Int
  /// Tiles as `ActivationForm.int8` and `.float` say; nil when nobody reads them.
  let rounded: UnsafeRawPointer?
  let interleaved: UnsafeRawPointer?
  /// What `floats` may point into.
  let source: FloatMatrix
  /// What adapters will add to the products of some rows.
  let updates: InputUpdates?

  /// The tiles that the kernel of a matrix reads, if there are such.
  func tiles(for matrix: PackedMatrix) -> UnsafeRawPointer? { matrix.isQuantized ? rounded : interleaved }

  /// Which of the phase's updates are of the products with a matrix.
  func additions(to matrix: PackedMatrix) -> Range<Int> { updates?.additions(to: matrix) ?? 0..<0 }
}

extension Compute {
  /// Prepares the rows of `x`, normalised if `norm` is given, for products with `matrices`.
  ///
  /// - Parameter updates: What adapters change of those products.
  /// - Throws: `.invalidArgument` when norm, matrices or updates are not as wide as `x`, or `.outOfMemory`.
  public func prepare(
    _ x: FloatMatrix, norm: Norm? = nil, for matrices: [PackedMatrix], updates: InputUpdates? = nil
  ) throws(KingletError) -> Activations {
    let (rows, columns) = (x.rows, x.columns)
    guard norm.map({ $0.fits(columns: columns) }) ?? true, matrices.allSatisfy({ $0.columns == columns }) else {
      throw KingletError(.invalidArgument, "a norm or a matrix is not for rows of \(columns)")
    }
    let rounds = rounds(matrices)
    let interleaves = matrices.contains { !(rounds && $0.isQuantized) && !takesBLAS($0, tokens: rows) }
    // Rows that are only rounded are not written down as floats in between.
    let keepsFloats = !rounds || !matrices.allSatisfy { $0.isQuantized } || updates != nil || observer != nil
    if norm != nil {
      let rowByteCount = x.stride * MemoryLayout<Float>.stride
      if keepsFloats { try normalized.reserve(rows * rowByteCount) } else { try reserveScratch(rowByteCount) }
    }
    if rounds { try rounded.reserve(rows * ActivationLayout.byteCount(columns: columns)) }
    if interleaves { try interleaved.reserve(rows * ActivationForm.float.byteCount(columns: columns)) }
    let floats = norm == nil ? x.base : normalized.base.assumingMemoryBound(to: Float.self)
    let (bytes, tiles) = (rounded.base, interleaved.base.assumingMemoryBound(to: Float.self))
    let norm = norm.map(NormTask.init)
    forEachTokenRange(rows) { range, worker in
      // A range is whole tiles.
      var first = range.lowerBound
      while first < range.upperBound {
        let width = ActivationLayout.tileWidth(at: first, of: rows)
        let tile = bytes + ActivationLayout.tileOffset(at: first, columns: columns)
        for slot in 0..<width {
          var values = floats + (first + slot) * x.stride
          if let norm {
            if !keepsFloats { values = scratch(worker).assumingMemoryBound(to: Float.self) }
            norm.apply(x.row(first + slot), columns, to: values, table)
          }
          if rounds { table.quantizeActivations(values, columns, tile, width, slot) }
        }
        if interleaves {
          table.interleave(floats + first * x.stride, x.stride, columns, tiles + first * columns, width)
        }
        first += width
      }
    }
    return try prepared(
      Activations(
        floats: floats, stride: x.stride, rows: rows, columns: columns, rounded: rounds ? UnsafeRawPointer(bytes) : nil,
        interleaved: interleaves ? UnsafeRawPointer(tiles) : nil, source: x, updates: updates),
      for: matrices)
  }

  /// Lays out the work of updates for an input, and shows it to the observer.
  func prepared(_ x: Activations, for matrices: [PackedMatrix]) throws(KingletError) -> Activations {
    if let updates = x.updates {
      // The phase that multiplies the input does it first.
      try updates.bind(x.floats, stride: x.stride, rows: x.rows, columns: x.columns, lows: lows)
      pending.begin(updates.projections, workers: threads)
    }
    observer?.observe(x, for: matrices)
    return x
  }

  /// Whether any of some matrices is multiplied by rounded activations.
  func rounds(_ matrices: [PackedMatrix]) -> Bool {
    options.activations == .int8 && matrices.contains { $0.isQuantized }
  }

  /// `x = norm(x)`, row by row.
  ///
  /// - Throws: `.invalidArgument` when the norm is not as wide as `x`.
  public func normalize(_ x: FloatMatrix, _ norm: Norm) throws(KingletError) {
    guard norm.fits(columns: x.columns) else {
      throw KingletError(.invalidArgument, "a norm is not for rows of \(x.columns)")
    }
    let norm = NormTask(norm)
    forEachTokenRange(x.rows) { range, _ in
      for row in range { norm.apply(x.row(row), x.columns, to: x.row(row), table) }
    }
  }

  /// `x += norm(y)`, row by row: what follows a block whose output is normalised.
  public func addNormalized(_ y: FloatMatrix, _ norm: Norm, to x: FloatMatrix) {
    let norm = NormTask(norm)
    forEachTokenRange(x.rows) { range, _ in
      for row in range {
        norm.apply(y.row(row), y.columns, to: y.row(row), table)
        table.addScaled(x.row(row), y.row(row), 1, x.columns)
      }
    }
  }
}
