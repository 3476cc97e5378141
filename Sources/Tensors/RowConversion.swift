import KingletErrors
import KingletQuants
import Synchronization

/// Turns the rows of a tensor from one type into another, a few megabytes at a time, on several threads.
///
/// Memory is that of one such slab, whatever the size of the tensor.
public struct RowConversion: Sendable {
  private let source: QuantType
  private let target: QuantType
  private let dequantize: Dequantizer
  private let quantize: Quantizer
  private let columns: Int
  private let sourceRowByteCount: Int
  private let targetRowByteCount: Int
  private let threads: Int

  private static let slabByteCount = 4 << 20

  /// Changes the values of the row of that number.
  public typealias RowChange = @Sendable (_ row: Int, _ values: UnsafeMutableBufferPointer<Float>) -> Void

  /// - Throws: `.unsupported` when the one type cannot be read or the other not be made, `.invalidArgument` when rows of
  ///   `columns` are no whole blocks of both.
  public init(from source: QuantType, to target: QuantType, columns: Int, threads: Int) throws(KingletError) {
    guard let dequantizer = source.dequantizer, let quantizer = target.quantizer else {
      throw KingletError(.unsupported, "values of type \(source.name) cannot be turned into \(target.name)")
    }
    guard
      columns > 0, let sourceRowByteCount = source.byteCount(forElements: columns),
      let targetRowByteCount = target.byteCount(forElements: columns)
    else {
      throw KingletError(
        .invalidArgument, "rows of \(columns) are no whole blocks of \(source.name) and \(target.name)")
    }
    self.source = source
    self.target = target
    dequantize = dequantizer
    quantize = quantizer
    self.columns = columns
    self.sourceRowByteCount = sourceRowByteCount
    self.targetRowByteCount = targetRowByteCount
    self.threads = max(1, threads)
  }

  /// Converts all rows of `bytes` and hands the results to `body`, in order.
  ///
  /// - Parameter importance: none, or weights of the columns: the first `columns` of them for the first part of the rows,
  ///   the next for the next part, the parts being equal, as the experts of a tensor are.
  /// - Parameter change: what becomes of each row between the two types; called on several threads.
  /// - Throws: `.invalidArgument` for values that are not finite or too large for the type, naming the row, or what `body`
  ///   throws.
  public func convert(
    _ bytes: UnsafeRawBufferPointer, importance: [Float] = [], changing change: RowChange? = nil,
    _ body: (UnsafeRawBufferPointer) throws(KingletError) -> Void
  ) throws(KingletError) {
    let rows = bytes.count / sourceRowByteCount
    let slabRows = min(rows, max(1, Self.slabByteCount / targetRowByteCount))
    let slab = try Memory(byteCount: slabRows * targetRowByteCount)
    let scratch = try Memory(byteCount: threads * columns * MemoryLayout<Float>.stride)
    guard let first = bytes.baseAddress else { return }
    let job = Job(
      conversion: self, source: first, slab: slab.base, floats: scratch.base.assumingMemoryBound(to: Float.self),
      rowsPerPart: max(1, rows / max(1, importance.count / columns)), change: change)
    for start in stride(from: 0, to: rows, by: slabRows) {
      let count = min(slabRows, rows - start)
      try importance.withUnsafeBufferPointer { (importance) throws(KingletError) in
        try job.run(start..<start + count, importance: importance.isEmpty ? nil : importance.baseAddress)
      }
      try body(UnsafeRawBufferPointer(start: slab.base, count: count * targetRowByteCount))
    }
  }

  private struct Job {
    let conversion: RowConversion
    let source: UnsafeRawPointer
    let slab: UnsafeMutableRawPointer
    /// A row for each thread.
    let floats: UnsafeMutablePointer<Float>
    /// How many rows share their importance.
    let rowsPerPart: Int
    let change: RowChange?

    func run(_ rows: Range<Int>, importance: UnsafePointer<Float>?) throws(KingletError) {
      let c = conversion
      let failed = Atomic<Int>(.max)
      // Enough rows for a claim not to be noticed.
      let rowsPerTask = max(1, 16384 / c.columns)
      ComputePool.shared.run((rows.count + rowsPerTask - 1) / rowsPerTask, threads: c.threads) { task, worker in
        let values = floats + worker * c.columns
        let begin = rows.lowerBound + task * rowsPerTask
        for row in begin..<min(rows.upperBound, begin + rowsPerTask) {
          c.dequantize(source + row * c.sourceRowByteCount, c.columns, values)
          change?(row, UnsafeMutableBufferPointer(start: values, count: c.columns))
          let output = slab + (row - rows.lowerBound) * c.targetRowByteCount
          c.quantize(values, c.columns, importance.map { $0 + row / rowsPerPart * c.columns }, output)
          if !areFinite(values, c.columns) || !c.target.hasFiniteScales(output, count: c.columns) {
            failed.min(row, ordering: .relaxed)
          }
        }
      }
      let row = failed.load(ordering: .relaxed)
      guard row == .max else {
        throw KingletError(
          .invalidArgument, "row \(row) holds values that are not finite or too large for \(c.target.name)")
      }
    }
  }
}

private func areFinite(_ values: UnsafePointer<Float>, _ count: Int) -> Bool {
  let exponent: UInt32 = 0x7f80_0000
  var isOdd: UInt32 = 0
  for i in 0..<count { isOdd |= values[i].bitPattern & exponent == exponent ? 1 : 0 }
  return isOdd == 0
}
