import KingletErrors
import KingletKernels
import KingletQuants

/// Vectors that are searched for those with the largest product with a query: the rows of a packed matrix.
///
/// In F32 the products are exact. In a quantised type a scan reads a fraction of the bytes, and its best candidates are to
/// be scored again in float.
public final class VectorRows: Sendable {
  public let matrix: PackedMatrix
  public var count: Int { matrix.rows }
  public var columns: Int { matrix.columns }

  private init(_ matrix: PackedMatrix) { self.matrix = matrix }

  /// How rows of a type are packed under a kernel table. Packed rows can be kept in a file and mapped later, by a process
  /// with the same table.
  public struct Layout: Sendable {
    public let type: QuantType
    public let columns: Int
    /// Rows packed together; also the number of rows that `pack` takes at once.
    public let panelRows: Int
    public let panelByteCount: Int
    /// Tells layouts apart: what was packed with one is only read with the same.
    public var name: String {
      "\(type.name) \(columns) \(table.instructionSet.rawValue) \(panelRows) \(panelByteCount)"
    }
    private let table: KernelTable
    private let kernel: MatrixKernel
    private let quantizer: Quantizer?

    /// - Throws: `.unsupported` for a type that has no kernel or cannot be made, `.invalidArgument` for columns that are not
    ///   whole blocks of it.
    public init(_ type: QuantType, columns: Int, table: KernelTable) throws(KingletError) {
      guard columns > 0, columns % type.blockSize == 0 else {
        throw KingletError(
          .invalidArgument, "vectors of \(columns) numbers are not made of blocks of \(type.blockSize)")
      }
      guard let kernel = table.packedKernel(type), type == .f32 || type.quantizer != nil else {
        throw KingletError(.unsupported, "vectors cannot be kept as \(type.name)")
      }
      self.type = type
      self.columns = columns
      self.table = table
      self.kernel = kernel
      quantizer = type.quantizer
      panelRows = kernel.panelRows
      panelByteCount = kernel.panelByteCount(columns)
    }

    /// Packs vectors, one after another in `rows`, into panels; what is missing of the last panel becomes zeros.
    ///
    /// - Parameter panels: holds `panelByteCount` for every begun `panelRows` rows.
    public func pack(_ rows: UnsafeBufferPointer<Float>, into panels: UnsafeMutableRawBufferPointer, threads: Int) {
      let count = rows.count / columns
      let panelCount = (count + panelRows - 1) / panelRows
      precondition(panels.count >= panelCount * panelByteCount)
      guard let source = rows.baseAddress, let out = panels.baseAddress else { return }
      let rowByteCount = columns / type.blockSize * type.blockByteCount
      // Addresses of what the tasks write and read: none of them outlives this call.
      nonisolated(unsafe) let (floats, destination) = (source, out)
      let tasks = (panelCount + 15) / 16
      ComputePool.shared.run(tasks, threads: threads) { task, _ in
        withUnsafeTemporaryAllocation(byteCount: panelRows * rowByteCount, alignment: 64) { scratch in
          guard let scratch = scratch.baseAddress else { return }
          for panel in task * 16..<min(panelCount, task * 16 + 16) {
            let first = panel * panelRows
            let own = min(panelRows, count - first)
            let values = floats + first * columns
            if let quantizer {
              quantizer(values, own * columns, nil, scratch)
              kernel.pack(scratch, rowByteCount, own, columns, destination + panel * panelByteCount)
            } else {
              kernel.pack(values, rowByteCount, own, columns, destination + panel * panelByteCount)
            }
          }
        }
      }
    }
  }

  /// Packs vectors, one after another in `rows`, in memory.
  ///
  /// - Throws: `.invalidArgument` when there are none, `.outOfMemory`, or what `Layout` throws.
  public convenience init(
    packing rows: [Float], columns: Int, as type: QuantType, table: KernelTable, threads: Int
  ) throws(KingletError) {
    let layout = try Layout(type, columns: columns, table: table)
    let plan = try PackedMatrix.Plan(type: type, rows: rows.count / columns, columns: columns, table: table)
    let arena = try Arena(byteCount: plan.byteCount)
    let memory = UnsafeMutableRawBufferPointer(start: arena.memory.base, count: arena.memory.byteCount)
    rows.withUnsafeBufferPointer { layout.pack($0, into: memory, threads: threads) }
    self.init(PackedMatrix(plan: plan, arena: arena, offset: 0))
  }

  /// Maps rows that were packed before, from the byte `offset` (a multiple of 4096) of a file to its end.
  ///
  /// - Throws: `.fileUnreadable`, or `.fileCorrupt` for a file that has not the size for so many rows.
  public convenience init(
    mapping path: String, offset: Int, count: Int, layout: Layout, table: KernelTable
  ) throws(KingletError) {
    let plan = try PackedMatrix.Plan(type: layout.type, rows: count, columns: layout.columns, table: table)
    let panels = (count + layout.panelRows - 1) / layout.panelRows * layout.panelByteCount
    let memory = try Memory(mapping: path, offset: offset, byteCount: panels)
    self.init(PackedMatrix(plan: plan, arena: Arena(memory: memory), offset: 0))
  }

  /// The vectors of some rows; of a quantised type as it has kept them.
  public func floats(_ rows: Range<Int>) -> [Float] { matrix.unpack(rows: rows) }
}
