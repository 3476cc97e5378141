import KingletErrors
import KingletKernels

/// The gated half of a feed-forward layer (Shazeer 2020), `activation(G x) * U x`, in one phase: gate and up rows of the same
/// panels are computed by the same thread.
extension Compute {
  /// `output = activation(G x) * U x`.
  ///
  /// - Throws: `.invalidArgument` for sizes that do not fit, or `.outOfMemory`.
  public func projectGated(
    _ x: Activations, gate: PackedMatrix, up: PackedMatrix, activation: Activation, to output: FloatMatrix
  ) throws(KingletError) {
    for matrix in [gate, up] { try check(matrix, takes: x, gives: output) }
    try output.resize(rows: x.rows)
    guard gate.panelRows == up.panelRows else {
      return try projectGatedApart(x, gate: gate, up: up, activation: activation, to: output)
    }
    let split = Split(gate, tokens: x.rows, threads: threads, matrices: 2)
    try projectGated(x, gate, up, activation, split, .floats(output.base, stride: output.stride))
  }

  /// `activation(G x) * U x`, prepared for a product with `next`.
  ///
  /// Of a tile of tokens and more, who computes some columns also rounds them: another thread would have to fetch them from
  /// its cache. The floats, of which a prompt has tens of megabytes, are not written down unless an adapter or an
  /// observer wants to see them.
  ///
  /// - Parameter y: Is given the floats where they are needed.
  /// - Parameter updates: What adapters change of the product with `next`.
  /// - Throws: `.invalidArgument` for sizes that do not fit, or `.outOfMemory`.
  public func prepareGated(
    _ x: Activations, gate: PackedMatrix, up: PackedMatrix, activation: Activation, for next: PackedMatrix,
    updates: InputUpdates? = nil, through y: FloatMatrix
  ) throws(KingletError) -> Activations {
    let split = Split(gate, tokens: x.rows, threads: threads, matrices: 2)
    guard rounds([next]), x.rows >= ActivationLayout.maximumWidth,
      gate.panelRows == up.panelRows,
      split.panelsPerPart * gate.panelRows % ActivationLayout.columns == 0, next.columns == gate.rows
    else {
      try projectGated(x, gate: gate, up: up, activation: activation, to: y)
      return try prepare(y, for: [next], updates: updates)
    }
    for matrix in [gate, up] { try check(matrix, takes: x, gives: y) }
    let keepsFloats = updates != nil || observer != nil
    if keepsFloats { try y.resize(rows: x.rows) }
    try roundedGates.reserve(x.rows * ActivationLayout.byteCount(columns: next.columns))
    let floats = keepsFloats ? y.base : nil
    try projectGated(x, gate, up, activation, split, .tiles(roundedGates.base, floats, stride: y.stride))
    return try prepared(
      Activations(
        floats: y.base, stride: y.stride, rows: x.rows, columns: next.columns,
        rounded: UnsafeRawPointer(roundedGates.base), interleaved: nil, source: y, updates: updates),
      for: [next])
  }

  /// Where products go: as they are, or to tiles of rounded activations, or both.
  private enum GatedOutput {
    case floats(UnsafeMutablePointer<Float>, stride: Int)
    case tiles(UnsafeMutableRawPointer, UnsafeMutablePointer<Float>?, stride: Int)
  }

  private func projectGated(
    _ x: Activations, _ gate: PackedMatrix, _ up: PackedMatrix, _ activation: Activation, _ split: Split,
    _ output: GatedOutput
  ) throws(KingletError) {
    let panelFloats = split.productCount(gate)
    let own = max(
      split.scratchByteCount(for: gate, dequantizes: dequantizes(gate, x)),
      split.scratchByteCount(for: up, dequantizes: dequantizes(up, x)))
    let block = Split.blockByteCount(split.tokensPerPart, panelFloats)
    try reserveScratch(own + 2 * block)
    let gateUpdates = x.additions(to: gate)
    let upUpdates = x.additions(to: up)
    lendUpdates(of: x) { updates in
      pool.runRanges(
        split.taskCount, least: split.shortestRun, most: split.longestRun, threads: threads,
        upcoming: upcoming(x, after: gate) {
          ReadAhead.Phase(matrices: [gate, up], splits: [split, split], sharesTasks: true)
        }
      ) { tasks, worker in
        updates.begin(worker, table)
        let part = split.part(tasks)
        let rows = part.rows(of: gate)
        let scratch = scratch(worker)
        let gates = (scratch + own).assumingMemoryBound(to: Float.self)
        let ups = (scratch + own + block).assumingMemoryBound(to: Float.self)
        fetch(updates, gateUpdates, tokens: part.tokens, rows: rows)
        multiply(gate, part, x, scratch, out: gates, stride: panelFloats)
        fetch(updates, upUpdates, tokens: part.tokens, rows: rows)
        add(updates, gateUpdates, to: gates, stride: panelFloats, tokens: part.tokens, rows: rows)
        multiply(up, part, x, scratch, out: ups, stride: panelFloats)
        add(updates, upUpdates, to: ups, stride: panelFloats, tokens: part.tokens, rows: rows)
        end(gates, ups, panelFloats, activation, tokens: part.tokens, of: x.rows, rows: rows, of: gate.rows, output)
      }
    }
  }

  /// `activation(gates) * ups`, token by token; rows `panelFloats` apart.
  private func end(
    _ gates: UnsafeMutablePointer<Float>, _ ups: UnsafePointer<Float>, _ panelFloats: Int, _ activation: Activation,
    tokens: Range<Int>, of tokenCount: Int, rows: Range<Int>, of rowCount: Int, _ output: GatedOutput
  ) {
    switch output {
    case .floats(let out, let stride):
      for (i, token) in tokens.enumerated() {
        let place = out + token * stride + rows.lowerBound
        table.gate(activation, gates + i * panelFloats, ups + i * panelFloats, rows.count, place)
      }
    case .tiles(let tiles, let out, let stride):
      var token = tokens.lowerBound
      while token < tokens.upperBound {
        let width = ActivationLayout.tileWidth(at: token, of: tokenCount)
        let tile = tiles + ActivationLayout.tileOffset(at: token, columns: rowCount)
        let records = tile + width * ActivationLayout.byteCount(columns: rows.lowerBound)
        for slot in 0..<width {
          let own = (token - tokens.lowerBound + slot) * panelFloats
          let place = out.map { $0 + (token + slot) * stride + rows.lowerBound } ?? gates + own
          table.gate(activation, gates + own, ups + own, rows.count, place)
          table.quantizeActivations(place, rows.count, records, width, slot)
        }
        token += width
      }
    }
  }

  /// For matrices of types whose panels differ: two products, then the gate.
  private func projectGatedApart(
    _ x: Activations, gate: PackedMatrix, up: PackedMatrix, activation: Activation, to output: FloatMatrix
  ) throws(KingletError) {
    let ups = FloatMatrix(columns: up.rows)
    try project(x, [Projection(gate, to: output), Projection(up, to: ups)])
    forEachTokenRange(x.rows) { range, _ in
      for row in range { table.gate(activation, output.row(row), ups.row(row), up.rows, output.row(row)) }
    }
  }
}
