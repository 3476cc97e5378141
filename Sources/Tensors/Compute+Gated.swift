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
    try projectGated(x, gate, up, activation, split, GatedOutput(floats: (output.base, output.stride), tiles: nil))
  }

  /// `activation(G x) * U x`, prepared for a product with `next`.
  ///
  /// Of many tokens, who computes some columns also rounds them: the floats, of which a prompt has tens of megabytes, are
  /// not written down unless somebody wants to see them.
  ///
  /// - Parameter y: Is given the floats where they are needed.
  /// - Parameter updates: What adapters change of the product with `next`.
  /// - Throws: `.invalidArgument` for sizes that do not fit, or `.outOfMemory`.
  public func prepareGated(
    _ x: Activations, gate: PackedMatrix, up: PackedMatrix, activation: Activation, for next: PackedMatrix,
    updates: InputUpdates? = nil, through y: FloatMatrix
  ) throws(KingletError) -> Activations {
    let split = Split(gate, tokens: x.rows, threads: threads, matrices: 2)
    guard rounds([next]), x.rows >= ActivationLayout.maximumWidth, gate.panelRows == up.panelRows,
      split.panelsPerPart * gate.panelRows % ActivationLayout.columns == 0, next.columns == gate.rows
    else {
      try projectGated(x, gate: gate, up: up, activation: activation, to: y)
      return try prepare(y, for: [next], updates: updates)
    }
    for matrix in [gate, up] { try check(matrix, takes: x, gives: y) }
    let keepsFloats = updates != nil || observer != nil
    if keepsFloats { try y.resize(rows: x.rows) }
    try roundedGates.reserve(x.rows * ActivationLayout.byteCount(columns: next.columns))
    let output = GatedOutput(floats: keepsFloats ? (y.base, y.stride) : nil, tiles: roundedGates.base)
    try projectGated(x, gate, up, activation, split, output)
    return try activations(
      floats: y.base, stride: y.stride, rows: x.rows, columns: next.columns, rounded: UnsafeRawPointer(output.tiles),
      interleaved: nil, source: y, updates: updates, for: [next])
  }

  /// Where products go: as floats, to tiles of rounded activations, or both.
  private struct GatedOutput {
    let floats: (base: UnsafeMutablePointer<Float>, stride: Int)?
    let tiles: UnsafeMutableRawPointer?
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
        var token = part.tokens.lowerBound
        while token < part.tokens.upperBound {
          let width = ActivationLayout.tileWidth(at: token, of: x.rows)
          let records =
            ActivationLayout.tileOffset(at: token, columns: gate.rows)
            + width * ActivationLayout.byteCount(columns: rows.lowerBound)
          for slot in 0..<width {
            let gates = gates + (token - part.tokens.lowerBound + slot) * panelFloats
            let ups = ups + (token - part.tokens.lowerBound + slot) * panelFloats
            var out = gates
            if let floats = output.floats { out = floats.base + (token + slot) * floats.stride + rows.lowerBound }
            table.gate(activation, gates, ups, rows.count, out)
            if let tiles = output.tiles { table.quantizeActivations(out, rows.count, tiles + records, width, slot) }
          }
          token += width
        }
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
