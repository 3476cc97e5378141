import KingletErrors
import KingletGGUF
import KingletKernels
import KingletQuants

/// Packs the matrices of a file into one region of memory, in the order in which a forward pass reads them.
///
/// The file's pages are given back to the system while packing proceeds, so that the process never holds much more than
/// one copy of the weights; afterwards nothing points into the file any more.
public enum WeightArena {
  /// Source bytes packed between two releases of pages.
  private static let slabByteCount = 8 << 20

  /// Packs `tensors` (2-dimensional: columns first, as GGUF has them) and returns matrices in the same order.
  ///
  /// - Parameter progress: told the fraction done, from the calling thread; may throw to stop the work.
  /// - Throws: `.unsupported` or `.fileCorrupt` naming the tensor, `.outOfMemory`, or what `progress` throws.
  public static func load(
    _ tensors: [GGUFTensor], from file: GGUFFile, table: KernelTable, threads: Int,
    progress: (Double) throws(KingletError) -> Void
  ) throws(KingletError) -> [PackedMatrix] {
    var plans: [PackedMatrix.Plan] = []
    var total = 0
    for tensor in tensors {
      let plan = try plan(tensor, table)
      let (sum, overflow) = total.addingReportingOverflow(plan.byteCount)
      guard !overflow else { throw KingletError(.fileCorrupt, "the weights exceed the address space", at: tensor.name) }
      total = sum
      plans.append(plan)
    }
    let arena = try Arena(byteCount: total)
    var matrices: [PackedMatrix] = []
    var offset = 0
    for (tensor, plan) in zip(tensors, plans) {
      let matrix = PackedMatrix(plan: plan, arena: arena, offset: offset)
      try file.withBytes(of: tensor) { (source: UnsafeRawBufferPointer) throws(KingletError) in
        guard let bytes = source.baseAddress, source.count >= matrix.rows * matrix.rowByteCount else {
          throw KingletError(.fileCorrupt, "holds fewer bytes than its shape needs", at: tensor.name)
        }
        try pack(bytes, into: matrix, at: arena.memory.base + offset, threads: threads) { (row) throws(KingletError) in
          file.releasePages()
          let done = Double(plan.byteCount) * Double(row) / Double(matrix.rows)
          try progress((Double(offset) + done) / Double(total))
        }
      }
      offset += plan.byteCount
      matrices.append(matrix)
    }
    return matrices
  }

  private static func plan(_ tensor: GGUFTensor, _ table: KernelTable) throws(KingletError) -> PackedMatrix.Plan {
    guard tensor.dimensions.count == 2 else {
      throw KingletError(
        .fileCorrupt, "has \(tensor.dimensions.count) dimensions where a matrix is needed", at: tensor.name)
    }
    do throws(KingletError) {
      return try PackedMatrix.Plan(
        type: tensor.type, rows: tensor.dimensions[1], columns: tensor.dimensions[0], table: table)
    } catch {
      throw error.located(in: tensor.name)
    }
  }

  /// Packs in parallel, slab by slab; `done` is told the rows packed so far.
  private static func pack(
    _ source: UnsafeRawPointer, into matrix: PackedMatrix, at destination: UnsafeMutableRawPointer, threads: Int,
    done: (Int) throws(KingletError) -> Void
  ) throws(KingletError) {
    let panelsPerSlab = max(1, slabByteCount / (matrix.panelRows * matrix.rowByteCount))
    let panelsPerTask = max(1, panelsPerSlab / 32)
    var first = 0
    while first < matrix.panelCount {
      let end = min(matrix.panelCount, first + panelsPerSlab)
      let taskCount = (end - first + panelsPerTask - 1) / panelsPerTask
      ComputePool.shared.run(taskCount, threads: threads) { task, _ in
        let begin = first + task * panelsPerTask
        for panel in begin..<min(end, begin + panelsPerTask) {
          packPanel(panel, source, matrix, destination)
        }
      }
      first = end
      try done(min(matrix.rows, first * matrix.panelRows))
    }
  }

  private static func packPanel(
    _ panel: Int, _ source: UnsafeRawPointer, _ matrix: PackedMatrix, _ destination: UnsafeMutableRawPointer
  ) {
    let row = panel * matrix.panelRows
    let rows = source + row * matrix.rowByteCount
    let out = destination + panel * matrix.panelByteCount
    switch matrix.storage {
    case .rows: out.copyMemory(from: rows, byteCount: matrix.rowByteCount)
    case .panels(let kernel):
      kernel.pack(rows, matrix.rowByteCount, min(kernel.panelRows, matrix.rows - row), matrix.columns, out)
    }
  }

  /// A tensor of parameters that is used as floats: norm weights, biases, rotary factors.
  ///
  /// - Throws: `.fileCorrupt` when it has not `count` values, `.unsupported` for a type without dequantisation.
  public static func loadVector(
    _ tensor: GGUFTensor, from file: GGUFFile, count: Int
  ) throws(KingletError) -> FloatVector {
    guard tensor.elementCount == count else {
      throw KingletError(.fileCorrupt, "has \(tensor.elementCount) values where \(count) are needed", at: tensor.name)
    }
    guard let dequantize = tensor.type.dequantizer else {
      throw KingletError(.unsupported, "has type \(tensor.type.name)", at: tensor.name)
    }
    var values = [Float](repeating: 0, count: count)
    file.withBytes(of: tensor) { (source: UnsafeRawBufferPointer) in
      values.withUnsafeMutableBufferPointer { buffer in
        guard let bytes = source.baseAddress, let out = buffer.baseAddress else { return }
        dequantize(bytes, count, out)
      }
    }
    return FloatVector(values)
  }
}
