import KingletKernels
import KingletQuants
import KingletTestSupport
import Testing

/// Float weights times float activations.
@Suite("Float products") struct FloatProductTests {
  private struct Shape {
    var rows: Int
    var columns: Int
    var tokens: Int
    var xStride: Int { columns + 3 }
    var outStride: Int { rows + 2 }
  }

  private static let shapes: [Shape] = [1, 3, 7, 8, 9, 16, 21].flatMap { rows in
    [(1, 1), (15, 2), (16, 3), (17, 4), (33, 5), (100, 7), (575, 8), (64, 9), (1025, 4), (2100, 2)].map {
      columns, tokens in
      Shape(rows: rows, columns: columns, tokens: tokens)
    }
  }

  /// Products of `shape` in which weights, input and output end at a fence; `weights` holds rows, `x` tokens.
  private func product(
    _ table: KernelTable, _ shape: Shape, _ weights: some Collection<Float>, _ x: some Collection<Float>
  ) -> [[Float]] {
    let (w, input) = (Fenced(Array(weights)), Fenced(Array(x)))
    let out = Fenced(repeating: Float(-77), count: (shape.tokens - 1) * shape.outStride + shape.rows)
    table.multiplyFloats(
      w.pointer, shape.rows, shape.columns, input.pointer, shape.xStride, shape.tokens, out.pointer, shape.outStride)
    #expect(out.isIntact)
    let values = out.values
    return (0..<shape.tokens).map { token in
      let begin = token * shape.outStride
      let gap = values[min(values.count, begin + shape.rows)..<min(values.count, begin + shape.outStride)]
      #expect(gap.allSatisfy { $0 == -77 }, "written between two rows of the output")
      return Array(values[begin..<begin + shape.rows])
    }
  }

  private func numbers(_ shape: Shape) -> (weights: [Float], x: [Float]) {
    var random = SeededRandom(UInt64(shape.rows * shape.columns))
    return (
      random.floats(shape.rows * shape.columns),
      // The last token ends at the fence, without the padding of its stride.
      random.floats((shape.tokens - 1) * shape.xStride + shape.columns)
    )
  }

  @Test("Sums are those of double precision", arguments: InstructionSet.tested)
  func sums(set: InstructionSet) throws {
    let table = try set.table()
    for shape in Self.shapes {
      let (weights, x) = numbers(shape)
      let result = product(table, shape, weights, x)
      var worst = 0.0
      for token in 0..<shape.tokens {
        for row in 0..<shape.rows {
          var (sum, size) = (0.0, 1e-300)
          for c in 0..<shape.columns {
            let term = Double(weights[row * shape.columns + c]) * Double(x[token * shape.xStride + c])
            sum += term
            size += abs(term)
          }
          worst = max(worst, abs(Double(result[token][row]) - sum) / size)
        }
      }
      #expect(worst < 1e-6, "\(shape)")
    }
  }

  @Test(
    "F16 and BF16 weights give the bits of widened ones", arguments: InstructionSet.tested, [QuantType.f16, .bf16])
  func halves(set: InstructionSet, type: QuantType) throws {
    let table = try set.table()
    guard let multiplyHalves = table.multiplyHalves else { return }
    for shape in Self.shapes {
      let matrix = RandomMatrix(type, rows: shape.rows, columns: shape.columns, seed: UInt64(shape.columns))
      let (_, x) = numbers(shape)
      let (weights, input) = (Fenced(matrix.bytes), Fenced(x))
      let out = Fenced(repeating: Float(-77), count: (shape.tokens - 1) * shape.outStride + shape.rows)
      multiplyHalves(
        type, weights.pointer, shape.rows, shape.columns, input.pointer, shape.xStride, shape.tokens, out.pointer,
        shape.outStride)
      #expect(out.isIntact)
      let values = out.values
      let result = (0..<shape.tokens).map { Array(values[$0 * shape.outStride..<$0 * shape.outStride + shape.rows]) }
      #expect(result == product(table, shape, matrix.values, x), "\(shape)")
    }
  }

  @Test("A result is the same bits whatever rows and tokens are computed with it", arguments: InstructionSet.tested)
  func invariance(set: InstructionSet) throws {
    let table = try set.table()
    for shape in Self.shapes {
      let (weights, x) = numbers(shape)
      let all = product(table, shape, weights, x)
      for (rowStep, tokenStep) in [(1, 1), (2, shape.tokens), (shape.rows, 1), (3, 2), (4, 3), (5, 4)] {
        for row in stride(from: 0, to: shape.rows, by: rowStep) {
          for token in stride(from: 0, to: shape.tokens, by: tokenStep) {
            var part = shape
            part.rows = min(rowStep, shape.rows - row)
            part.tokens = min(tokenStep, shape.tokens - token)
            let last = (token + part.tokens - 1) * shape.xStride + shape.columns
            let result = product(
              table, part, weights[row * shape.columns..<(row + part.rows) * shape.columns],
              x[token * shape.xStride..<last])
            let expected = all[token..<token + part.tokens].map { Array($0[row..<row + part.rows]) }
            #expect(result == expected, "\(part) at row \(row), token \(token)")
          }
        }
      }
    }
  }
}
