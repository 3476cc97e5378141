import KingletErrors
import KingletKernels
import KingletQuants

/// One matrix product and where its result goes.
public struct Projection {
  let matrix: PackedMatrix
  let bias: FloatVector?
  let activation: Activation?
  let output: FloatMatrix
  let adds: Bool

  /// `output = W x (+ bias)`, or `activation` of it.
  public init(
    _ matrix: PackedMatrix, bias: FloatVector? = nil, activation: Activation? = nil, to output: FloatMatrix
  ) {
    self.matrix = matrix
    self.bias = bias
    self.activation = activation
    self.output = output
    adds = false
  }

  /// `output += W x (+ bias)`: a residual connection.
  public init(_ matrix: PackedMatrix, bias: FloatVector? = nil, addingTo output: FloatMatrix) {
    self.matrix = matrix
    self.bias = bias
    activation = nil
    self.output = output
    adds = true
  }
}

/// A projection as its tasks see it: without references. Threads that count references to the same objects take a cache
/// line from each other at every count, which for small matrices cost more than reading them.
private struct ProjectionTask {
  let matrix: Unmanaged<PackedMatrix>
  let bias: UnsafePointer<Float>?
  let activation: Activation?
  let output: UnsafeMutablePointer<Float>
  let stride: Int
  let adds: Bool
  let split: Split
  /// Which of the phase's updates are of this product.
  let updates: Range<Int>

  /// - Parameter projection: outlives the tasks, and its output is not resized meanwhile.
  init(_ projection: Projection, tokens: Int, threads: Int, updates: Range<Int>) {
    matrix = .passUnretained(projection.matrix)
    bias = projection.bias?.base
    activation = projection.activation
    output = projection.output.base
    stride = projection.output.stride
    adds = projection.adds
    split = Split(projection.matrix, tokens: tokens, threads: threads)
    self.updates = updates
  }
}

extension Compute {
  /// Products of the same rows with several matrices, in one phase. Outputs that are not added to are resized.
  ///
  /// - Throws: `.invalidArgument` for sizes that do not fit, or `.outOfMemory`.
  public func project(_ x: Activations, _ projections: [Projection]) throws(KingletError) {
    var (scratchByteCount, taskCount, shortestRun, longestRun) = (0, 0, Int.max, Int.max)
    var tasks: [ProjectionTask] = []
    tasks.reserveCapacity(projections.count)
    for p in projections {
      try check(p.matrix, takes: x, gives: p.output)
      if !p.adds { try p.output.resize(rows: x.rows) }
      guard p.output.rows == x.rows, p.bias.map({ $0.count == p.matrix.rows }) ?? true else {
        throw KingletError(.invalidArgument, "a bias or a residual is not of the size of its product")
      }
      let task = ProjectionTask(
        p, tokens: x.rows, threads: threads, updates: x.additions(to: p.matrix))
      scratchByteCount = max(
        scratchByteCount, task.split.scratchByteCount(for: p.matrix, dequantizes: dequantizes(p.matrix, x)))
      taskCount += task.split.taskCount
      shortestRun = min(shortestRun, task.split.shortestRun)
      longestRun = min(longestRun, task.split.longestRun)
      tasks.append(task)
    }
    try reserveScratch(scratchByteCount)
    let upcoming = upcoming(x, after: projections.first?.matrix) {
      ReadAhead.Phase(matrices: projections.map(\.matrix), splits: tasks.map(\.split), sharesTasks: false)
    }
    withExtendedLifetime(projections) {
      lendUpdates(of: x) { updates in
        tasks.withUnsafeBufferPointer { tasks in
          pool.runRanges(taskCount, least: shortestRun, most: longestRun, threads: threads, upcoming: upcoming) {
            range, worker in
            updates.begin(worker, table)
            var first = 0
            for task in tasks {
              let own = range.clamped(to: first..<first + task.split.taskCount)
              if !own.isEmpty { run(task, own.lowerBound - first..<own.upperBound - first, x, updates, worker) }
              first += task.split.taskCount
            }
          }
        }
      }
    }
  }

  /// What is read after a phase that begins with `matrix`, in a pass of as few tokens as a tile has; of more,
  /// as of prompts, products take longer than reading.
  func upcoming(_ x: Activations, after matrix: PackedMatrix?, _ phase: () -> ReadAhead.Phase) -> UpcomingReads? {
    guard let matrix, x.rows <= ActivationLayout.maximumWidth, threads > 1 else { return nil }
    let circumstances = ReadAhead.Circumstances(factor: x.updates?.first, tokenCount: x.rows)
    if !readAhead.follow(matrix.base, circumstances) {
      var phase = phase()
      if let updates = x.updates { phase.updates = (updates.tasks, pending) }
      readAhead.learn(matrix.base, circumstances, phase.reads(threads: threads))
    }
    return readAhead.next
  }

  /// Kernels take sizes on trust: here they are compared.
  func check(
    _ matrix: PackedMatrix, takes x: Activations, gives output: FloatMatrix
  ) throws(KingletError) {
    guard matrix.columns == x.columns, matrix.rows == output.columns else {
      throw KingletError(
        .invalidArgument,
        "a \(matrix.rows) x \(matrix.columns) matrix makes no rows of \(output.columns) from rows of \(x.columns)")
    }
    try check(x, isFor: matrix)
  }

  /// Kernels find tokens in tiles, which are there for the matrices that `prepare` was told.
  func check(_ x: Activations, isFor matrix: PackedMatrix) throws(KingletError) {
    guard takesBLAS(matrix, tokens: x.rows) || x.tiles(for: matrix) ?? x.interleaved != nil else {
      throw KingletError(.invalidArgument, "activations were not prepared for this matrix")
    }
  }

  private func run(
    _ task: ProjectionTask, _ range: Range<Int>, _ x: Activations, _ updates: PhaseUpdates,
    _ worker: Int
  ) {
    task.matrix._withUnsafeGuaranteedRef { matrix in
      let part = task.split.part(range)
      let rows = part.rows(of: matrix)
      let out = task.output + part.tokens.lowerBound * task.stride + rows.lowerBound
      fetch(updates, task.updates, tokens: part.tokens, rows: rows)
      if task.adds {
        // Through scratch, not straight into the sum: the residual is one rounded addition, whatever the kernel.
        let panelFloats = (rows.count + 15) / 16 * 16
        let products = scratch(worker).assumingMemoryBound(to: Float.self)
        let rest = scratch(worker) + Split.blockByteCount(part.tokens.count, panelFloats)
        multiply(matrix, part, x, rest, out: products, stride: panelFloats)
        add(updates, task.updates, to: products, stride: panelFloats, tokens: part.tokens, rows: rows)
        end(task, products, stride: panelFloats, out, part.tokens.count, rows)
      } else {
        multiply(matrix, part, x, scratch(worker), out: out, stride: task.stride)
        add(updates, task.updates, to: out, stride: task.stride, tokens: part.tokens, rows: rows)
        if task.bias == nil, task.activation == nil { return }
        end(task, out, stride: task.stride, out, part.tokens.count, rows)
      }
    }
  }

  private func end(
    _ task: ProjectionTask, _ products: UnsafePointer<Float>, stride: Int, _ out: UnsafeMutablePointer<Float>,
    _ tokenCount: Int, _ rows: Range<Int>
  ) {
    table.endProducts(
      ProductEnding(
        out: out, outStride: task.stride, products: products, productStride: stride, tokenCount: tokenCount,
        count: rows.count, bias: task.bias.map { $0 + rows.lowerBound },
        use: task.adds ? .add : task.activation.map { .activate($0) } ?? .replace))
  }

  /// One part of a product, by the path the matrix and the options call for.
  func multiply(
    _ matrix: PackedMatrix, _ part: Split.Part, _ x: Activations, _ scratch: UnsafeMutableRawPointer,
    out: UnsafeMutablePointer<Float>, stride: Int
  ) {
    if takesBLAS(matrix, tokens: x.rows) {
      multiplyByLibrary(matrix, part, x, scratch, out: out, stride: stride)
    } else if let kernel = matrix.kernel, let tiles = x.tiles(for: matrix) {
      let panels = matrix.panel(part.panels.lowerBound)
      kernel._withUnsafeGuaranteedRef {
        multiply($0, panels, part.panels.count, tiles, part.tokens, of: x, scratch, out: out, stride: stride)
      }
    } else {
      multiplyDequantized(matrix, part, x, scratch, out: out, stride: stride)
    }
  }

  /// Whether a product takes rows that are made floats for it.
  func dequantizes(_ matrix: PackedMatrix, _ x: Activations) -> Bool {
    takesBLAS(matrix, tokens: x.rows) || matrix.kernel == nil || x.tiles(for: matrix) == nil
  }

  /// Panels times some tokens, the first of which begins a tile.
  private func multiply(
    _ kernel: MatrixKernel, _ panels: UnsafeRawPointer, _ panelCount: Int, _ tiles: UnsafeRawPointer,
    _ tokens: Range<Int>, of x: Activations, _ scratch: UnsafeMutableRawPointer, out: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    let tokenByteCount = kernel.activations.byteCount(columns: x.columns)
    var token = tokens.lowerBound
    // Whole tiles together, which pays for weights that are unpacked for all of them.
    let tileCount = (min(tokens.upperBound, x.rows / 8 * 8) - token) / 8
    if tileCount > 1 {
      kernel.multiplyTiles(
        panels, panelCount, x.columns, tiles + token * tokenByteCount, tileCount, scratch, out, stride)
      token += 8 * tileCount
    }
    while token < tokens.upperBound {
      let width = ActivationLayout.tileWidth(at: token, of: x.rows)
      kernel.multiply(
        panels, panelCount, x.columns, tiles + token * tokenByteCount, width,
        out + (token - tokens.lowerBound) * stride, stride)
      token += width
    }
  }

  /// Types without a kernel, and quantised ones whose activations are not rounded: rows are dequantised, a few panels at
  /// a time, and packed for the kernel of floats.
  private func multiplyDequantized(
    _ matrix: PackedMatrix, _ part: Split.Part, _ x: Activations, _ scratch: UnsafeMutableRawPointer,
    out: UnsafeMutablePointer<Float>, stride: Int
  ) {
    guard let tiles = x.interleaved else { return }
    let kernel = table.floatKernel
    let rows = part.rows(of: matrix)
    let rowByteCount = matrix.columns * MemoryLayout<Float>.stride
    let panelByteCount = kernel.panelByteCount(matrix.columns)
    let rowsAtOnce = kernel.panelRows * kernel.panelsAtOnce
    for first in Swift.stride(from: rows.lowerBound, to: rows.upperBound, by: rowsAtOnce) {
      let count = min(rowsAtOnce, rows.upperBound - first)
      let panelCount = (count + kernel.panelRows - 1) / kernel.panelRows
      let floats = (scratch + panelCount * panelByteCount).assumingMemoryBound(to: Float.self)
      matrix.unpack(first: first, count: count, scratch: floats + count * matrix.columns, into: floats)
      for panel in 0..<panelCount {
        let row = panel * kernel.panelRows
        kernel.pack(
          floats + row * matrix.columns, rowByteCount, min(kernel.panelRows, count - row), matrix.columns,
          scratch + panel * panelByteCount)
      }
      multiply(
        kernel, scratch, panelCount, tiles, part.tokens, of: x, UnsafeMutableRawPointer(floats),
        out: out + (first - rows.lowerBound), stride: stride)
    }
  }

  /// Rows are unpacked for the matrix library.
  private func multiplyByLibrary(
    _ matrix: PackedMatrix, _ part: Split.Part, _ x: Activations, _ scratch: UnsafeMutableRawPointer,
    out: UnsafeMutablePointer<Float>, stride: Int
  ) {
    let rows = part.rows(of: matrix)
    let weights = scratch.assumingMemoryBound(to: Float.self)
    matrix.unpack(
      first: rows.lowerBound, count: rows.count, scratch: weights + rows.count * matrix.columns, into: weights)
    BLAS.multiply(
      weights: weights, rows: rows.count, columns: matrix.columns, x: x.floats + part.tokens.lowerBound * x.stride,
      xStride: x.stride, tokens: part.tokens.count, out: out, outStride: stride)
  }

  /// Whether products of so many tokens with a matrix go through the matrix library under these options.
  public func takesBLAS(_ matrix: PackedMatrix, tokens: Int) -> Bool {
    !(matrix.isQuantized && options.activations == .int8) && usesBLAS(matrix, tokens: tokens)
  }

  /// Measured on the machine of the design, 256 tokens with the shapes of small models and encoders: our AVX-512 tiles make
  /// 1.4 to 1.9 times the products of OpenBLAS (which is given parts, unpacks their weights and copies both operands), our
  /// AVX2 tiles 0.95 to 1.4 times those of its kernels for AVX2, and only ours give the same bits for every batch. The
  /// portable table leaves them to the library, but for a single token, which is bound by memory.
  private func usesBLAS(_ matrix: PackedMatrix, tokens: Int) -> Bool {
    guard tokens > 1, BLAS.isAvailable else { return false }
    return switch options.matmul {
    case .auto: table.instructionSet == .portable && matrix.rows >= 64 && matrix.columns >= 64
    case .blas: true
    case .simd: false
    }
  }
}
