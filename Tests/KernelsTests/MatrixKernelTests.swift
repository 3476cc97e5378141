import KingletKernels
import KingletQuants
import KingletTestSupport
import Testing

/// A weight type in the table of an instruction set.
struct MatrixCase: Sendable, CustomTestStringConvertible {
  let set: InstructionSet
  let type: QuantType
  var testDescription: String { "\(type.name), \(set)" }

  static let all = of(QuantType.multipliable)
  static let floats = of(QuantType.floats)

  private static func of(_ types: [QuantType]) -> [MatrixCase] {
    InstructionSet.tested.flatMap { set in types.map { MatrixCase(set: set, type: $0) } }
  }

  func kernel() throws -> MatrixKernel { try #require(set.table().packedKernel(type)) }

  /// Widths of real and odd shapes, small ones where the type has small blocks.
  var columns: [Int] {
    switch type.blockSize {
    case 1: [1, 2, 63, 130]
    case 32: [32, 96, 288, 576, 1632]
    default: [256, 768]
    }
  }
}

/// A matrix in the panels of a kernel, and products with it.
struct Panels {
  let kernel: MatrixKernel
  let matrix: RandomMatrix
  let memory: Fenced<UInt8>
  var count: Int { (matrix.rows + kernel.panelRows - 1) / kernel.panelRows }

  init(_ matrix: RandomMatrix, _ kernel: MatrixKernel) {
    self.kernel = kernel
    self.matrix = matrix
    let panelByteCount = kernel.panelByteCount(matrix.columns)
    let panelCount = (matrix.rows + kernel.panelRows - 1) / kernel.panelRows
    // Old bytes that packing must overwrite, also in the lanes that have no row.
    memory = Fenced(repeating: 0xAA, count: panelCount * panelByteCount)
    for panel in 0..<panelCount {
      let first = panel * kernel.panelRows
      let rowCount = min(kernel.panelRows, matrix.rows - first)
      let rows = Fenced(
        Array(matrix.bytes[first * matrix.rowByteCount..<(first + rowCount) * matrix.rowByteCount]))
      kernel.pack(
        rows.pointer, matrix.rowByteCount, rowCount, matrix.columns, memory.pointer + panel * panelByteCount)
    }
  }

  /// The file's bytes of some rows of one panel.
  func unpacked(panel: Int, firstRow: Int, rowCount: Int) -> [UInt8] {
    let rows = Fenced<UInt8>(repeating: 0x55, count: rowCount * matrix.rowByteCount)
    kernel.unpack(
      memory.pointer + panel * kernel.panelByteCount(matrix.columns), matrix.columns, firstRow, rowCount,
      matrix.rowByteCount, rows.pointer)
    return rows.values
  }

  /// `[tokens, count * panelRows]`: the lanes without a row are there too.
  ///
  /// - Parameter together: whether whole tiles are multiplied in one call.
  func product(with tokens: RoundedTokens, together: Bool = true) -> [Float] {
    product(tokens.count, together, tile: tokens.tile)
  }

  func product(with tokens: FloatTokens, together: Bool = true) -> [Float] {
    product(tokens.count, together, tile: tokens.tile)
  }

  private func product(
    _ tokenCount: Int, _ together: Bool, tile: (Int) -> (pointer: UnsafeRawPointer, width: Int)
  ) -> [Float] {
    let stride = count * kernel.panelRows
    let out = Fenced(repeating: Float.nan, count: tokenCount * stride)
    let tileCount = together ? tokenCount / 8 : 0
    let scratch = Fenced<UInt8>(repeating: 0xCC, count: kernel.scratchByteCount)
    kernel.multiplyTiles(
      memory.pointer, count, matrix.columns, tile(0).pointer, tileCount, scratch.pointer, out.pointer, stride)
    #expect(scratch.isIntact)
    var first = tileCount * 8
    while first < tokenCount {
      let (pointer, width) = tile(first)
      kernel.multiply(memory.pointer, count, matrix.columns, pointer, width, out.pointer + first * stride, stride)
      first += width
    }
    #expect(out.isIntact)
    return out.values
  }

  /// Where a product strays from that of dequantised weights and activations in double precision, in words.
  func problems(_ product: [Float], _ tokens: RoundedTokens) -> [String] {
    // Sixteen rows in a panel of rounded weights: the table for AVX-512, which does not convert integer sums.
    problems(product, tokens.count, tokens.values) { token in
      kernel.panelRows == 16 ? { matrix.shiftError(row: $0, scales: tokens.scales(token)) } : { _ in 0 }
    }
  }

  func problems(_ product: [Float], _ tokens: FloatTokens) -> [String] {
    problems(product, tokens.count, { tokens.token($0).map(Double.init) }) { _ in { _ in 0 } }
  }

  private func problems(
    _ product: [Float], _ tokenCount: Int, _ token: (Int) -> [Double], error: (_ token: Int) -> (_ row: Int) -> Double
  ) -> [String] {
    let stride = count * kernel.panelRows
    var problems: [String] = []
    for index in 0..<tokenCount {
      let (x, error) = (token(index), error(index))
      for row in 0..<stride {
        let result = Double(product[index * stride + row])
        guard row < matrix.rows else {
          if result != 0 { problems.append("token \(index): \(result) in lane \(row), which has no row") }
          continue
        }
        var (sum, size) = (0.0, 0.0)
        for (w, x) in zip(matrix.row(row), x) {
          sum += Double(w) * x
          size += abs(Double(w) * x)
        }
        if !(abs(result - sum) <= 3e-6 * size + error(row)) {
          problems.append("token \(index), row \(row): \(result) instead of \(sum) of \(size)")
        }
      }
    }
    return problems
  }
}

@Suite("Matrix kernels") struct MatrixKernelTests {
  @Test("Packing loses no byte, and unpacks from any row", arguments: MatrixCase.all + MatrixCase.floats)
  func bijection(_ matrixCase: MatrixCase) throws {
    let kernel = try matrixCase.kernel()
    for columns in matrixCase.columns {
      for rows in [1, 15, 16, 17, 33] {
        var random = SeededRandom(UInt64(columns * rows))
        let blockCount = rows * columns / matrixCase.type.blockSize
        // Any bits, scales and all.
        let bytes = random.bytes(blockCount * matrixCase.type.blockByteCount)
        let matrix = RandomMatrix(matrixCase.type, rows: rows, columns: columns, bytes: bytes)
        let panels = Panels(matrix, kernel)
        #expect(panels.memory.isIntact)
        for panel in 0..<panels.count {
          let first = panel * kernel.panelRows
          let held = min(kernel.panelRows, rows - first)
          for firstRow in 0..<held {
            for rowCount in Set([1, 2, held - firstRow]) where firstRow + rowCount <= held {
              let begin = (first + firstRow) * matrix.rowByteCount
              let expected = bytes[begin..<begin + rowCount * matrix.rowByteCount]
              #expect(
                panels.unpacked(panel: panel, firstRow: firstRow, rowCount: rowCount)[...] == expected,
                "\(rows) x \(columns), row \(first + firstRow)")
            }
          }
        }
      }
    }
  }

  @Test("Products equal those of dequantised weights and activations", arguments: MatrixCase.all)
  func products(_ matrixCase: MatrixCase) throws {
    let (kernel, table) = (try matrixCase.kernel(), try matrixCase.set.table())
    for (columns, rows) in zip(matrixCase.columns, [81, 17, 16, 1, 15]) {
      let panels = Panels(RandomMatrix(matrixCase.type, rows: rows, columns: columns, seed: 21), kernel)
      for count in [1, 2, 3, 5, 7, 8, 9, 15, 31, 64] {
        var random = SeededRandom(UInt64(count))
        let tokens = RoundedTokens(random.floats(count * columns), count: count, by: table)
        let problems = panels.problems(panels.product(with: tokens), tokens)
        #expect(problems.isEmpty, "\(rows) x \(columns), \(count) tokens: \(problems.prefix(3))")
      }
    }
  }

  @Test(
    "AVX-512 makes floats of integer sums by the layout's arithmetic, bit for bit",
    .enabled(if: InstructionSet.tested.contains(.avx512), "needs AVX-512"), arguments: [1, 3, 8, 33])
  func shifts(tokenCount: Int) throws {
    let (rows, columns) = (17, 96)
    let matrix = RandomMatrix(.q4_1, rows: rows, columns: columns, seed: 28)
    let panels = Panels(matrix, try MatrixCase(set: .avx512, type: .q4_1).kernel())
    var random = SeededRandom(29)
    let tokens = RoundedTokens(
      random.floats(tokenCount * columns), count: tokenCount, by: try InstructionSet.avx512.table())
    let product = panels.product(with: tokens)
    let base = ActivationLayout.integerBase
    for token in 0..<tokenCount {
      for row in 0..<rows {
        var sum: Float = 0
        for column in stride(from: 0, to: columns, by: 32) {
          let block = Array(
            matrix.bytes[row * matrix.rowByteCount + column / 32 * 20..<(row + 1) * matrix.rowByteCount])
          func half(_ at: Int) -> Float { Half(bits: UInt16(block[at]) | UInt16(block[at + 1]) << 8).float }
          let sums = (0..<2).map { part in
            (0..<16).reduce(0) { sum, i in
              sum + Int(part == 0 ? block[4 + i] & 15 : block[4 + i] >> 4)
                * Int(tokens.q(token, column + 16 * part + i))
            }
          }
          // a.addingProduct(b, c) is rounded once.
          var both = tokens.bothShifts(token, column)
          both = both.addingProduct(base + Float(sums[0]), tokens.scale(token, column))
          both = both.addingProduct(base + Float(sums[1]), tokens.scale(token, column + 16))
          sum = sum.addingProduct(both, half(0)).addingProduct(half(2), tokens.sum(token, column))
        }
        #expect(product[token * panels.count * 16 + row] == sum, "token \(token), row \(row)")
      }
    }
  }

  @Test("A token's product is the same bits in every tile, slot and company", arguments: MatrixCase.all)
  func invariance(_ matrixCase: MatrixCase) throws {
    let (kernel, table) = (try matrixCase.kernel(), try matrixCase.set.table())
    // The widest, whose columns are unpacked in several runs.
    let columns = try #require(matrixCase.columns.last)
    let panels = Panels(RandomMatrix(matrixCase.type, rows: 81, columns: columns, seed: 22), kernel)
    let stride = panels.count * kernel.panelRows
    var random = SeededRandom(23)
    let x = random.floats(47 * columns)
    // 47 tokens are five tiles of 8, and tiles of 4, 2 and 1.
    let all = panels.product(with: RoundedTokens(x, count: 47, by: table))
    #expect(all == panels.product(with: RoundedTokens(x, count: 47, by: table), together: false))
    for token in 0..<47 {
      let own = Array(x[token * columns..<(token + 1) * columns])
      let alone = panels.product(with: RoundedTokens(own, count: 1, by: table))
      #expect(alone[...] == all[token * stride..<(token + 1) * stride], "token \(token)")
    }
  }

  @Test(
    "The largest and smallest quants times the largest activations do not saturate", arguments: MatrixCase.all,
    [0x00, 0x7F, 0x80, 0xFF] as [UInt8])
  func saturation(_ matrixCase: MatrixCase, filling: UInt8) throws {
    let (kernel, table) = (try matrixCase.kernel(), try matrixCase.set.table())
    let columns = 512
    for scale in [-1, 1] as [Float] {
      let matrix = RandomMatrix(matrixCase.type, rows: 17, columns: columns, filling: filling, scale: scale)
      let panels = Panels(matrix, kernel)
      let same = [Float](repeating: 5, count: columns)
      let signs = (0..<columns).map { Float($0 % 3 == 0 ? -5 : 5) }
      let tokens = RoundedTokens(
        [same, same.map(-), signs, signs.map(-)].flatMap { $0 } + same + same.map(-) + signs, count: 7, by: table)
      let problems = panels.problems(panels.product(with: tokens), tokens)
      #expect(problems.isEmpty, "scale \(scale): \(problems.prefix(3))")
    }
  }

  @Test("Any mixture of extreme quants and activations is exact", arguments: MatrixCase.all)
  func extremes(_ matrixCase: MatrixCase) throws {
    let (kernel, table) = (try matrixCase.kernel(), try matrixCase.set.table())
    let (type, columns) = (matrixCase.type, 512)
    var random = SeededRandom(24)
    // Whole blocks of ordinary scales, but all other bytes such that most fields are at one of their ends.
    let ordinary = RandomMatrix(type, rows: 33, columns: columns, seed: 25)
    let scales = Set(type.scaleOffsets.flatMap { [$0, $0 + 1] })
    let bytes = ordinary.bytes.enumerated().map { i, byte in
      scales.contains(i % type.blockByteCount)
        ? byte : [0x00, 0x0F, 0x7F, 0x80, 0xF0, 0xFF].randomElement(using: &random) ?? 0
    }
    let panels = Panels(RandomMatrix(type, rows: 33, columns: columns, bytes: bytes), kernel)
    let x = (0..<47 * columns).map { _ in Bool.random(using: &random) ? 3 : -3 as Float }
    let tokens = RoundedTokens(x, count: 47, by: table)
    let problems = panels.problems(panels.product(with: tokens), tokens)
    #expect(problems.isEmpty, "\(problems.prefix(3))")
  }

  @Test("No columns make zeros, no panels make nothing", arguments: MatrixCase.all + MatrixCase.floats)
  func emptiness(_ matrixCase: MatrixCase) throws {
    let kernel = try matrixCase.kernel()
    let nothing = Fenced<UInt8>(repeating: 0, count: 0)
    let out = Fenced(repeating: Float(7), count: 8 * kernel.panelRows)
    for width in [1, 2, 4, 8] {
      kernel.multiply(nothing.pointer, 0, 256, nothing.pointer, width, out.pointer, kernel.panelRows)
    }
    #expect(out.values.allSatisfy { $0 == 7 })
    kernel.multiply(nothing.pointer, 1, 0, nothing.pointer, 8, out.pointer, kernel.panelRows)
    #expect(out.values.allSatisfy { $0 == 0 })
  }

  @Test("Types are packed for the activations they meet, or not at all", arguments: InstructionSet.tested)
  func forms(set: InstructionSet) throws {
    let table = try set.table()
    for type in QuantType.allCases {
      let form: ActivationForm? =
        QuantType.multipliable.contains(type) ? .int8 : QuantType.floats.contains(type) ? .float : nil
      #expect(table.packedKernel(type)?.activations == form, "\(type)")
    }
  }
}
