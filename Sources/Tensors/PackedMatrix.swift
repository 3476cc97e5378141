import KingletErrors
import KingletKernels
import KingletQuants

/// Weights `[rows, columns]` in the order the kernels read them: in panels, or row by row where a type has no kernel.
///
/// There is never a second, float copy of a matrix: embedding rows, exact arithmetic and (later) merging read the same
/// panels through `unpack`, which gives back the file's own values, bit for bit.
///
/// `@unchecked Sendable`: the memory is written while the matrix is made and only read afterwards.
public final class PackedMatrix: @unchecked Sendable {
  public let type: QuantType
  public let rows: Int
  public let columns: Int
  let storage: Storage
  /// Rows that one step of a kernel covers.
  let panelRows: Int
  /// Bytes of a panel.
  let panelByteCount: Int
  let panelCount: Int
  /// Bytes of a row as in the file.
  let rowByteCount: Int
  let base: UnsafeRawPointer
  /// The kernel of `storage`, for tasks: without counting a reference to what all matrices of a type share.
  let kernel: Unmanaged<MatrixKernel>?
  private let arena: Arena
  private let dequantize: Dequantizer

  enum Storage {
    /// Panels of interleaved rows.
    case panels(MatrixKernel)
    /// Rows as in the file, of types that are dequantised on the way to a product.
    case rows
  }

  init(plan: Plan, arena: Arena, offset: Int) {
    type = plan.type
    rows = plan.rows
    columns = plan.columns
    storage = plan.storage
    dequantize = plan.dequantize
    self.arena = arena
    base = UnsafeRawPointer(arena.memory.base + offset)
    rowByteCount = plan.columns / plan.type.blockSize * plan.type.blockByteCount
    if case .panels(let kernel) = plan.storage {
      self.kernel = .passUnretained(kernel)
      panelRows = kernel.panelRows
      panelByteCount = kernel.panelByteCount(plan.columns)
    } else {
      kernel = nil
      panelRows = 1
      panelByteCount = rowByteCount
    }
    panelCount = (plan.rows + panelRows - 1) / panelRows
  }

  /// Whether the kernel of this matrix takes int8 activations.
  public var isQuantized: Bool {
    if case .panels(let kernel) = storage { kernel.activations == .int8 } else { false }
  }

  /// Bytes that a product with this matrix reads.
  public var byteCount: Int { panelCount * panelByteCount }

  /// Panels that a kernel likes to take together; where a panel is a row, those of a few panels of floats.
  var panelsAtOnce: Int { if case .panels(let kernel) = storage { kernel.panelsAtOnce } else { 48 } }

  /// Scratch that the kernel needs for a task.
  var kernelScratchByteCount: Int { if case .panels(let kernel) = storage { kernel.scratchByteCount } else { 0 } }

  func panel(_ index: Int) -> UnsafeRawPointer { base + index * panelByteCount }

  /// Writes the float values of rows `first ..< first + count` to `out`, `columns` apart.
  ///
  /// Quantised rows pass through `scratch`, which must hold `panelRows` rows as in the file.
  func unpack(
    first: Int, count: Int, scratch: UnsafeMutableRawPointer, into out: UnsafeMutablePointer<Float>
  ) {
    guard case .panels(let kernel) = storage else {
      dequantize(base + first * rowByteCount, count * columns, out)
      return
    }
    var row = first
    while row < first + count {
      let lane = row % kernel.panelRows
      let lanes = min(kernel.panelRows - lane, first + count - row)
      kernel.unpack(panel(row / kernel.panelRows), columns, lane, lanes, rowByteCount, scratch)
      dequantize(UnsafeRawPointer(scratch), lanes * columns, out + (row - first) * columns)
      row += lanes
    }
  }

  /// The float values of some rows, `columns` for each, exactly as the format defines them.
  public func unpack(rows range: Range<Int>) -> [Float] {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows)
    return [Float](unsafeUninitializedCapacity: range.count * columns) { buffer, count in
      guard let out = buffer.baseAddress else { return }
      withUnsafeTemporaryAllocation(byteCount: panelRows * rowByteCount, alignment: 64) { scratch in
        guard let scratch = scratch.baseAddress else { return }
        unpack(first: range.lowerBound, count: range.count, scratch: scratch, into: out)
      }
      count = range.count * columns
    }
  }

  /// The file's own bytes of some rows: the inverse of packing.
  func fileBytes(rows range: Range<Int>) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count * rowByteCount)
    bytes.withUnsafeMutableBytes { buffer in
      guard let out = buffer.baseAddress else { return }
      for (i, row) in range.enumerated() {
        let destination = out + i * rowByteCount
        if case .panels(let kernel) = storage {
          kernel.unpack(
            panel(row / kernel.panelRows), columns, row % kernel.panelRows, 1, rowByteCount, destination)
        } else {
          destination.copyMemory(from: base + row * rowByteCount, byteCount: rowByteCount)
        }
      }
    }
    return bytes
  }
}

extension PackedMatrix {
  /// A matrix before it is packed: its shape checked and its place in memory known.
  struct Plan {
    let type: QuantType
    let rows: Int
    let columns: Int
    let storage: Storage
    let dequantize: Dequantizer
    /// Bytes in the arena.
    let byteCount: Int

    /// - Throws: `.unsupported` for a type Kinglet cannot multiply, `.fileCorrupt` for a shape that is no matrix of it.
    init(type: QuantType, rows: Int, columns: Int, table: KernelTable) throws(KingletError) {
      guard let dequantize = type.dequantizer else {
        throw KingletError(
          .unsupported, "weights of type \(type.name) cannot be used yet",
          remedy: "Use a file quantised to one of the common types, such as Q4_K_M or Q8_0.")
      }
      guard rows > 0, columns > 0, columns % type.blockSize == 0 else {
        throw KingletError(
          .fileCorrupt, "a \(rows) x \(columns) matrix is not made of \(type.name) blocks of \(type.blockSize)")
      }
      let tooLarge = KingletError(.fileCorrupt, "a \(rows) x \(columns) matrix does not fit the address space")
      // A panel has 16 rows and little more than their bytes: where 64 rows fit, its size does not overflow.
      guard let rowByteCount = type.byteCount(forElements: columns), rowByteCount <= Int.max / 64 else {
        throw tooLarge
      }
      let panelByteCount: Int
      let panelRows: Int
      if let kernel = table.packedKernel(type) {
        storage = .panels(kernel)
        panelRows = kernel.panelRows
        panelByteCount = kernel.panelByteCount(columns)
      } else {
        storage = .rows
        panelRows = 1
        panelByteCount = rowByteCount
      }
      let (size, overflow) = ((rows - 1) / panelRows + 1).multipliedReportingOverflow(by: panelByteCount)
      guard !overflow, let padded = Arena.padded(size) else { throw tooLarge }
      self.type = type
      self.rows = rows
      self.columns = columns
      self.dequantize = dequantize
      byteCount = padded
    }
  }
}
