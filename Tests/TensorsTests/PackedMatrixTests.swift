import KingletErrors
import KingletGGUF
import KingletQuants
import KingletTestSupport
import Testing

@testable import KingletTensors

/// Matrices packed from files, and read back.
@Suite("Packed matrices") struct PackedMatrixTests {
  static let types = QuantType.multipliable + QuantType.floats + QuantType.dequantized

  @Test("Rows unpack to the file's values and bytes", arguments: InstructionSet.tested, types)
  func unpacking(set: InstructionSet, type: QuantType) throws {
    let columns = type.blockSize == 256 ? [256, 768] : type.blockSize == 1 ? [1, 77] : [128, 640]
    let matrices = columns.flatMap { columns in
      [1, 15, 16, 17, 33].map { RandomMatrix(type, rows: $0, columns: columns, seed: UInt64($0)) }
    }
    for (matrix, packed) in zip(matrices, try packed(matrices, set)) {
      #expect(packed.type == type && packed.rows == matrix.rows && packed.columns == matrix.columns)
      let (rows, columns) = (matrix.rows, matrix.columns)
      for range in [0..<rows, rows - 1..<rows, 0..<0, rows / 3..<rows / 2, min(rows, 14)..<min(rows, 18)] {
        let expected = Array(matrix.values[range.lowerBound * columns..<range.upperBound * columns])
        #expect(differing(packed.unpack(rows: range), expected) == 0, "rows \(range) of \(rows) x \(columns)")
      }
      #expect(packed.fileBytes(rows: 0..<rows) == matrix.bytes)
    }
  }

  @Test(
    "Matrices follow each other without sharing cache lines, in the order asked for", arguments: InstructionSet.tested)
  func arena(set: InstructionSet) throws {
    let matrices = Self.types.map { RandomMatrix($0, rows: 3, columns: 256, seed: 5) }
    var end: UnsafeRawPointer?
    for matrix in try packed(matrices, set) {
      #expect(Int(bitPattern: matrix.base) % 64 == 0)
      if let end { #expect(matrix.base >= end && matrix.base - end < 64) }
      end = matrix.base + matrix.byteCount
    }
  }

  @Test("Matrices larger than a slab, on one thread and two", arguments: InstructionSet.tested, [1, 2])
  func large(set: InstructionSet, threads: Int) throws {
    let matrix = RandomMatrix(.q8_0, rows: 4001, columns: 2400, seed: 6)
    #expect(matrix.bytes.count > 8 << 20)
    let packed = try packed([matrix], set, threads: threads)[0]
    #expect(packed.fileBytes(rows: 0..<4001) == matrix.bytes)
  }

  @Test("Progress rises to 1, and can stop the work")
  func progress() throws {
    let matrix = RandomMatrix(.f32, rows: 3000, columns: 1024, seed: 7)
    var writer = GGUFWriter()
    for name in ["a", "b"] {
      try writer.addTensor(name, dimensions: [1024, 3000], type: .f32, bytes: matrix.bytes)
    }
    let file = try GGUFFile(bytes: writer.encoded())
    var fractions: [Double] = []
    _ = try WeightArena.load(file.tensors, from: file, table: .portable, threads: 2) {
      (fraction) throws(KingletError) in
      fractions.append(fraction)
    }
    #expect(fractions.count >= 4 && fractions == fractions.sorted() && fractions.last == 1)

    var calls = 0
    #expect(throws: KingletError(.cancelled, "enough")) {
      try WeightArena.load(file.tensors, from: file, table: .portable, threads: 2) { (_) throws(KingletError) in
        calls += 1
        if calls == 2 { throw KingletError(.cancelled, "enough") }
      }
    }
    #expect(calls == 2)
  }

  @Test(
    "Tensors that are no matrix, or of a type without kernels, are refused by name", arguments: InstructionSet.tested)
  func refusals(set: InstructionSet) throws {
    var writer = GGUFWriter()
    try writer.addTensor("flat", dimensions: [32], floats: Array(repeating: 1, count: 32))
    try writer.addTensor("cube", dimensions: [4, 4, 2], floats: Array(repeating: 1, count: 32))
    try writer.addTensor("integers", dimensions: [2, 2], type: .i32, bytes: Array(repeating: 0, count: 16))
    try writer.addTensor("odd", dimensions: [256, 1], type: .q8_K, bytes: Array(repeating: 0, count: 292))
    let file = try GGUFFile(bytes: writer.encoded())
    for (name, code) in [
      ("flat", KingletError.Code.fileCorrupt), ("cube", .fileCorrupt), ("integers", .unsupported),
      ("odd", .unsupported),
    ] {
      let tensor = try #require(file.tensor(named: name))
      #expect {
        try WeightArena.load([tensor], from: file, table: set.table(), threads: 2) { (_) throws(KingletError) in }
      } throws: {
        let error = $0 as? KingletError
        return error?.code == code && error?.location == name
      }
    }
  }

  @Test("Shapes that are empty, no whole blocks or too large are refused", arguments: InstructionSet.tested, types)
  func shapes(set: InstructionSet, type: QuantType) throws {
    let table = try set.table()
    let size = type.blockSize
    let huge = Int.max / size * size
    var shapes = [
      (0, size), (size, 0), (-1, size), (1, -size), (huge, huge), (1, huge), (Int.max, size), (1 << 40, size << 24),
    ]
    if size > 1 { shapes += [(1, size - 1), (1, size + 1), (16, size / 2)] }
    for (rows, columns) in shapes {
      #expect("\(rows) x \(columns)") {
        try PackedMatrix.Plan(type: type, rows: rows, columns: columns, table: table)
      } throws: {
        ($0 as? KingletError)?.code == .fileCorrupt
      }
    }
    let plan = try PackedMatrix.Plan(type: type, rows: 17, columns: 3 * size, table: table)
    #expect(plan.byteCount % 64 == 0 && plan.byteCount >= 17 * 3 * type.blockByteCount)
  }

  @Test("Vectors of parameters become floats", arguments: QuantType.floats + [.q8_0])
  func vectors(type: QuantType) throws {
    let vector = RandomMatrix(type, rows: 1, columns: 64, seed: 8)
    var writer = GGUFWriter()
    try writer.addTensor("v", dimensions: [64], type: type, bytes: vector.bytes)
    try writer.addTensor("i", dimensions: [64], type: .i8, bytes: Array(repeating: 0, count: 64))
    let file = try GGUFFile(bytes: writer.encoded())
    let result = try WeightArena.loadVector(file.tensors[0], from: file, count: 64)
    #expect(differing(result.values, vector.values) == 0)
    for (index, count, code) in [(0, 63, KingletError.Code.fileCorrupt), (0, 65, .fileCorrupt), (1, 64, .unsupported)] {
      #expect {
        try WeightArena.loadVector(file.tensors[index], from: file, count: count)
      } throws: {
        ($0 as? KingletError)?.code == code
      }
    }
  }
}
