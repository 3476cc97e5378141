import KingletErrors
import KingletKernels

extension Compute {
  /// Adds low-rank updates to products that are there: some rows of a pass, each tile of tokens in one task, through the
  /// kernel of floats. A row's result has the same bits whatever other rows there are.
  ///
  /// - Throws: `.invalidArgument` for sizes that do not fit, or `.outOfMemory`.
  public func add(_ tasks: [LowRankTask], of x: Activations) throws(KingletError) {
    var units: [(task: Int, row: Int, width: Int)] = []
    var scratchFloats = 0
    for (index, task) in tasks.enumerated() {
      guard task.rows.lowerBound >= 0, task.rows.upperBound <= min(x.rows, task.output.rows),
        task.updates.allSatisfy({ $0.update.columns == x.columns && $0.update.rows == task.output.columns }),
        task.bias.map({ $0.count == task.output.columns }) ?? true
      else {
        throw KingletError(.invalidArgument, "an adapter's update is not of the size of its product")
      }
      var row = task.rows.lowerBound
      while row < task.rows.upperBound {
        let width = ActivationLayout.tileWidth(at: row, of: task.rows.upperBound)
        units.append((index, row, width))
        row += width
      }
      let rank = task.updates.map(\.update.a.rows).max() ?? 0
      scratchFloats = max(scratchFloats, LowRankScratch.floatCount(x.columns, rank, task.output.stride))
    }
    guard !units.isEmpty else { return }
    try reserveScratch(scratchFloats * MemoryLayout<Float>.stride)
    pool.run(units.count, threads: threads) { index, worker in
      let unit = units[index]
      add(tasks[unit.task], x, unit.row, unit.width, scratch(worker).assumingMemoryBound(to: Float.self))
    }
  }

  /// One tile of tokens.
  private func add(
    _ task: LowRankTask, _ x: Activations, _ row: Int, _ width: Int, _ memory: UnsafeMutablePointer<Float>
  ) {
    let (rows, outStride) = (task.output.columns, task.output.stride)
    let rank = task.updates.map(\.update.a.rows).max() ?? 0
    let scratch = LowRankScratch(memory, x.columns, rank, outStride)
    table.interleave(x.floats + row * x.stride, x.stride, x.columns, scratch.x, width)
    // What W x was, for updates that scale it.
    if task.updates.contains(where: { $0.update.rowScales != nil }) {
      for i in 0..<width {
        let base = scratch.base + i * outStride
        base.update(from: task.output.row(row + i), count: rows)
        if let bias = task.bias { table.addScaled(base, bias.base, -1, rows) }
      }
    }
    for (update, strength) in task.updates {
      update.multiply(scratch, columns: x.columns, width: width, outStride: outStride, table)
      for i in 0..<width {
        let (out, y) = (task.output.row(row + i), scratch.y + i * outStride)
        guard let rowScales = update.rowScales else {
          table.addScaled(out, y, update.scale * strength, rows)
          continue
        }
        let base = scratch.base + i * outStride
        for j in 0..<rows { out[j] += strength * (rowScales.base[j] * (base[j] + update.scale * y[j]) - base[j]) }
      }
    }
  }

  /// Adds an update of an embedding table to the rows of `output`, which are those of `tokens`.
  ///
  /// - Parameters:
  ///   - update: Its `A`, transposed, has a row for each token, and its `B` is `[output.columns, rank]`.
  ///   - strength: Of the update, and of the embedding itself.
  public func add(
    _ update: EmbeddingUpdate, strength: Float, of tokens: ArraySlice<Int32>, to output: FloatMatrix, firstRow: Int
  ) throws(KingletError) {
    let rank = update.b.columns
    guard update.b.rows == output.columns, firstRow >= 0, firstRow + tokens.count <= output.rows,
      tokens.allSatisfy({ 0..<Int32(clamping: update.a.count / rank) ~= $0 })
    else {
      throw KingletError(.invalidArgument, "an adapter's embedding is not of the size of the model's")
    }
    let low = (rank + 15) / 16 * 16
    try reserveScratch((low + output.stride) * MemoryLayout<Float>.stride)
    let memory = scratch(0).assumingMemoryBound(to: Float.self)
    for (i, token) in tokens.enumerated() {
      memory.update(from: update.a.base + Int(token) * rank, count: rank)
      update.b.multiplyFloats(memory, width: 1, out: memory + low, stride: output.stride)
      table.addScaled(output.row(firstRow + i), memory + low, update.scale * strength, output.columns)
    }
  }

  /// `x += y`, row by row.
  public func add(_ y: FloatMatrix, to x: FloatMatrix) {
    precondition(y.columns == x.columns && y.rows == x.rows)
    forEachTokenRange(x.rows) { range in
      for row in range { table.addScaled(x.row(row), y.row(row), 1, x.columns) }
    }
  }

  /// `gate = activation(gate) * up`, row by row.
  public func applyGate(_ activation: Activation, _ gate: FloatMatrix, _ up: FloatMatrix) {
    precondition(gate.columns == up.columns && gate.rows == up.rows)
    forEachTokenRange(gate.rows) { range in
      for row in range { table.gate(activation, gate.row(row), up.row(row), gate.columns, gate.row(row)) }
    }
  }
}

/// A low-rank update of an embedding table: a token's row e becomes `e + scale B a`, with a row a for each token.
public struct EmbeddingUpdate: Sendable {
  let a: FloatVector
  let b: PackedMatrix
  let scale: Float

  public var byteCount: Int { a.count * 4 + b.byteCount }

  /// - Parameters:
  ///   - a: `[tokens, rank]`, row by row.
  ///   - b: `[columns, rank]`, row by row.
  public init(a: [Float], b: [Float], rank: Int, scale: Float, table: KernelTable) throws(KingletError) {
    // Only B is multiplied; the update's own A is a token.
    let factors = try LowRankUpdate(
      a: [Float](repeating: 0, count: rank), b: b, rank: rank, scale: scale, table: table)
    self.a = FloatVector(a)
    self.b = factors.b
    self.scale = scale
  }
}

extension LowRankUpdate {
  /// `y = B (A x)` of a tile.
  fileprivate func multiply(
    _ s: LowRankScratch, columns: Int, width: Int, outStride: Int, _ table: KernelTable
  ) {
    a.multiplyFloats(s.x, width: width, out: s.low, stride: s.lowStride)
    table.interleave(s.low, s.lowStride, a.rows, s.lowTile, width)
    b.multiplyFloats(s.lowTile, width: width, out: s.y, stride: outStride)
  }
}

extension PackedMatrix {
  /// All rows times a tile of tokens, of a matrix of floats.
  fileprivate func multiplyFloats(
    _ tile: UnsafePointer<Float>, width: Int, out: UnsafeMutablePointer<Float>, stride: Int
  ) {
    kernel?._withUnsafeGuaranteedRef { $0.multiply(panel(0), panelCount, columns, tile, width, out, stride) }
  }
}

/// A worker's scratch memory for one tile of eight tokens at most.
private struct LowRankScratch {
  let x: UnsafeMutablePointer<Float>
  let low: UnsafeMutablePointer<Float>
  let lowStride: Int
  let lowTile: UnsafeMutablePointer<Float>
  let y: UnsafeMutablePointer<Float>
  let base: UnsafeMutablePointer<Float>

  static func floatCount(_ columns: Int, _ rank: Int, _ outStride: Int) -> Int {
    8 * (padded(columns) + 2 * padded(rank) + 2 * outStride)
  }

  init(_ memory: UnsafeMutablePointer<Float>, _ columns: Int, _ rank: Int, _ outStride: Int) {
    x = memory
    low = x + 8 * Self.padded(columns)
    lowStride = Self.padded(rank)
    lowTile = low + 8 * lowStride
    y = lowTile + 8 * lowStride
    base = y + 8 * outStride
  }

  private static func padded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
}
