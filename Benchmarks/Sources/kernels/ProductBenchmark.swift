import Foundation
import KingletGGUF
import KingletQuants
import KingletTensors

/// Tokens times matrices, rounding of the tokens included.
struct ProductBenchmark: KernelBenchmark {
  let type: QuantType
  let rows: Int
  let columns: Int
  let tokens: Int

  var name: String { "multiply \(type.name) \(rows)x\(columns) @\(tokens)" }

  func prepare(_ compute: Compute) throws -> Work {
    let matrices = try SyntheticMatrices.make(
      type, rows: rows, columns: columns, byteCount: tokens == 1 ? Work.leastByteCount : 1, compute)
    let (input, output) = (FloatMatrix(columns: columns), FloatMatrix(columns: rows))
    try input.fill(rows: tokens)
    let run = {
      for matrix in matrices {
        try compute.project(try compute.prepare(input, for: [matrix]), [Projection(matrix, to: output)])
      }
    }
    try run()
    return Work(
      byteCount: matrices.reduce(0) { $0 + $1.byteCount },
      operationCount: 2 * matrices.count * rows * columns * tokens, run: run)
  }
}

extension FloatMatrix {
  /// Numbers between -1 and 1, no two rows alike.
  func fill(rows: Int) throws {
    try resize(rows: rows)
    for row in 0..<rows { fillRow(row, repeating: (0..<97).map { Float(($0 + row) * 37 % 101 - 50) / 50 }) }
  }
}

/// Matrices that no model was trained for.
enum SyntheticMatrices {
  /// Whether Kinglet multiplies weights of a type: a row of them can be packed.
  static func isMade(_ type: QuantType) -> Bool {
    let options = ComputeOptions(threads: 1)
    guard let table = try? KernelTable.selected() else { return false }
    let compute = Compute(options: options, table: table)
    return (try? make(type, rows: 16, columns: 256, byteCount: 1, compute)) != nil
  }

  /// Copies of one matrix, as many as have so many bytes, at least one.
  static func make(
    _ type: QuantType, rows: Int, columns: Int, byteCount: Int, _ compute: Compute
  ) throws -> [PackedMatrix] {
    guard let size = type.byteCount(forElements: rows * columns) else { return [] }
    // Whatever such bytes are read as, halves, floats or quants, are ordinary numbers: none is infinite or denormal.
    var random = SystemRandomNumberGenerator()
    let bytes = (0..<size).map { _ in UInt8.random(in: 0x20...0x3F, using: &random) }
    var writer = GGUFWriter()
    try writer.addTensor("matrix", dimensions: [columns, rows], type: type, bytes: bytes)
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("kernels-\(UUID().uuidString).gguf").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try writer.write(to: path)
    let file = try GGUFFile(path: path)
    let copies = (byteCount + size - 1) / size
    return try WeightArena.load(
      (0..<copies).map { _ in file.tensors[0] }, from: file, table: compute.table, threads: compute.threads,
      progress: { _ in })
  }
}
