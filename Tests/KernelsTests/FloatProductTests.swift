import KingletKernels
import KingletQuants
import KingletTestSupport
import Testing

/// Float weights times float activations.
@Suite("Float products") struct FloatProductTests {
  /// Odd columns, runs of columns of several lengths, and rows that fill no panel, or no group of panels.
  private static let shapes: [(rows: Int, columns: Int)] = [
    (1, 1), (7, 2), (8, 3), (15, 17), (16, 33), (17, 100), (33, 192), (48, 193), (49, 575), (63, 64), (64, 384),
    (81, 577), (100, 1025), (130, 31), (31, 2100),
  ]
  private static let tokenCounts = [1, 2, 3, 4, 7, 8, 9, 15, 16, 31]

  private func panels(_ matrixCase: MatrixCase, rows: Int, columns: Int) throws -> Panels {
    let matrix = RandomMatrix(matrixCase.type, rows: rows, columns: columns, seed: UInt64(rows * columns))
    return Panels(matrix, try matrixCase.kernel())
  }

  private func tokens(_ count: Int, columns: Int) -> FloatTokens {
    var random = SeededRandom(UInt64(count))
    return FloatTokens(random.floats(count * columns), count: count)
  }

  @Test("Sums are those of double precision", arguments: MatrixCase.floats)
  func sums(_ matrixCase: MatrixCase) throws {
    for (rows, columns) in Self.shapes {
      let panels = try panels(matrixCase, rows: rows, columns: columns)
      for count in Self.tokenCounts {
        let tokens = tokens(count, columns: columns)
        for together in [true, false] {
          let problems = panels.problems(panels.product(with: tokens, together: together), tokens)
          #expect(problems.isEmpty, "\(rows) x \(columns), \(count) tokens: \(problems.prefix(3))")
        }
      }
    }
  }

  @Test("A token's product is the same bits in every tile, slot and company", arguments: MatrixCase.floats)
  func invariance(_ matrixCase: MatrixCase) throws {
    for (rows, columns) in Self.shapes {
      let panels = try panels(matrixCase, rows: rows, columns: columns)
      let stride = panels.count * panels.kernel.panelRows
      let tokens = tokens(31, columns: columns)
      let all = panels.product(with: tokens)
      #expect(all == panels.product(with: tokens, together: false))
      for token in 0..<31 {
        let alone = panels.product(with: FloatTokens(Array(tokens.token(token)), count: 1))
        #expect(alone[...] == all[token * stride..<(token + 1) * stride], "\(rows) x \(columns), token \(token)")
      }
    }
  }

  @Test("A row's product is the same bits in every panel and lane, and from F16 or BF16 as from their values as F32")
  func rows() throws {
    for matrixCase in MatrixCase.floats {
      let panels = try panels(matrixCase, rows: 100, columns: 577)
      let stride = panels.count * panels.kernel.panelRows
      let tokens = tokens(13, columns: 577)
      let all = panels.product(with: tokens)
      let single = try #require(matrixCase.set.table().packedKernel(.f32))
      for row in [0, 1, 15, 16, 50, 99] {
        let bytes = panels.matrix.row(row).flatMap { withUnsafeBytes(of: $0, Array.init) }
        let alone = Panels(RandomMatrix(.f32, rows: 1, columns: 577, bytes: bytes), single)
        let product = alone.product(with: tokens)
        #expect((0..<13).allSatisfy { product[$0 * single.panelRows] == all[$0 * stride + row] }, "\(matrixCase)")
      }
    }
  }

  @Test("Infinities and NaN stay in their rows and tokens", arguments: MatrixCase.floats)
  func specials(_ matrixCase: MatrixCase) throws {
    let size = matrixCase.type.blockByteCount
    let ordinary = RandomMatrix(matrixCase.type, rows: 33, columns: 70, seed: 3)
    var bytes = ordinary.bytes
    // All bits of an exponent and none of a fraction, in column 69 of row 20: infinity.
    let infinity: [UInt8] =
      switch matrixCase.type {
      case .f32: [0, 0, 0x80, 0x7F]
      case .f16: [0, 0x7C]
      default: [0x80, 0x7F]
      }
    bytes.replaceSubrange((20 * 70 + 69) * size..<(20 * 70 + 70) * size, with: infinity)
    let panels = Panels(
      RandomMatrix(matrixCase.type, rows: 33, columns: 70, bytes: bytes), try matrixCase.kernel())
    let stride = panels.count * panels.kernel.panelRows
    for count in [1, 2, 4, 8, 16] {
      var x = Array(repeating: Float(1), count: count * 70)
      x[(count - 1) * 70 + 5] = .nan
      let product = panels.product(with: FloatTokens(x, count: count))
      for token in 0..<count {
        for row in 0..<33 {
          let value = product[token * stride + row]
          let expected = token == count - 1 ? value.isNaN : row == 20 ? value == .infinity : value.isFinite
          #expect(expected, "\(value) for row \(row), token \(token) of \(count)")
        }
      }
    }
  }

  @Test("Every half and brain float is widened exactly", arguments: InstructionSet.tested, [QuantType.f16, .bf16])
  func widening(set: InstructionSet, type: QuantType) throws {
    let kernel = try #require(set.table().packedKernel(type))
    let bytes = (0...UInt16.max).flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) }
    let panels = Panels(RandomMatrix(type, rows: 65_536, columns: 1, bytes: bytes), kernel)
    for count in [1, 8] {
      let product = panels.product(with: FloatTokens(Array(repeating: 1, count: count), count: count))
      // Times 1, plus 0: as it was, but for the sign of zero.
      let same = zip(product, panels.matrix.values).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }
      #expect(same)
    }
  }
}
