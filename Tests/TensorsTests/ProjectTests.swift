import KingletQuants
import KingletTestSupport
import Testing

@testable import KingletTensors

private let tokenCounts = [1, 3, 4, 7, 8, 9, 33, 100]

/// Products of activations with matrices.
@Suite("Projections") struct ProjectTests {
  /// A matrix of every type, with rows that fill no panel, for the same activations.
  private static let matrices: [RandomMatrix] = (QuantType.multipliable + QuantType.floats + QuantType.dequantized)
    .enumerated().map {
      RandomMatrix($1, rows: 33 + 5 * $0, columns: 256, seed: UInt64($0))
    }
  private static let biases: [[Float]] = matrices.map {
    var random = SeededRandom(UInt64($0.rows))
    return random.floats($0.rows)
  }

  private static func input(_ tokens: Int, columns: Int = 256) -> [Float] {
    var random = SeededRandom(UInt64(tokens + 50))
    return random.floats(tokens * columns)
  }

  /// One phase of products with all matrices, every second with a bias, every third added to its `residual`.
  private func project(
    _ x: [Float], _ tokens: Int, _ matrices: [PackedMatrix], _ compute: Compute, residual: (Int) -> [Float]
  ) throws -> [FloatMatrix] {
    let input = try FloatMatrix(x, rows: tokens)
    let activations = try compute.prepare(input, for: matrices)
    var outputs: [FloatMatrix] = []
    var projections: [Projection] = []
    for (i, matrix) in matrices.enumerated() {
      let bias = i % 2 == 0 ? FloatVector(Self.biases[i]) : nil
      if i % 3 == 0 {
        outputs.append(try FloatMatrix(residual(i), rows: tokens))
        projections.append(Projection(matrix, bias: bias, addingTo: outputs[i]))
      } else {
        outputs.append(FloatMatrix(columns: matrix.rows))
        projections.append(Projection(matrix, bias: bias, to: outputs[i]))
      }
    }
    try compute.project(activations, projections)
    return outputs
  }

  private func residual(_ tokens: Int) -> (Int) -> [Float] {
    { i in
      var random = SeededRandom(UInt64(i))
      return random.floats(tokens * Self.matrices[i].rows)
    }
  }

  @Test("Several matrices of mixed types, with biases and residuals, in one phase", arguments: ComputeCase.all)
  func mixed(_ computeCase: ComputeCase) throws {
    let matrices = try packed(Self.matrices, computeCase.set)
    let compute = try computeCase.compute()
    for tokens in [1, 3, 9, 33] {
      let x = Self.input(tokens)
      let outputs = try project(x, tokens, matrices, compute, residual: residual(tokens))
      for (i, matrix) in Self.matrices.enumerated() {
        var expected = Reference.product(matrix, x, rounding: rounds(matrix.type, compute.options), by: computeCase.set)
        for j in expected.indices {
          let bias = i % 2 == 0 ? Self.biases[i][j % matrix.rows] : 0
          let residual = i % 3 == 0 ? outputs[i].columns : 0
          expected[j].value += Double(bias)
          expected[j].size += Double(abs(bias)) + Double(residual)
        }
        if i % 3 == 0 { for (j, r) in residual(tokens)(i).enumerated() { expected[j].value += Double(r) } }
        #expect(largestError(outputs[i].values, expected) < 3e-6, "\(matrix.type), \(tokens) tokens")
      }
    }
  }

  @Test("Results are the same bits on one thread and two, alone and in any batch", arguments: ComputeCase.invariant)
  func invariance(_ computeCase: ComputeCase) throws {
    let matrices = try packed(Self.matrices, computeCase.set)
    let (one, two) = (try computeCase.compute(threads: 1), try computeCase.compute(threads: 2))
    for tokens in tokenCounts {
      let x = Self.input(tokens)
      let residuals = residual(tokens)
      let together = try project(x, tokens, matrices, two, residual: residuals)
      let onOneThread = try project(x, tokens, matrices, one, residual: residuals)
      for (a, b) in zip(together, onOneThread) { #expect(differing(a.values, b.values) == 0, "\(tokens) tokens") }
      for token in Set([0, tokens / 2, tokens - 1]) {
        let alone = try project(Array(x[token * 256..<(token + 1) * 256]), 1, matrices, two) { i in
          let rows = Self.matrices[i].rows
          return Array(residuals(i)[token * rows..<(token + 1) * rows])
        }
        for (i, output) in together.enumerated() {
          #expect(
            differing(output.values(row: token), alone[i].values) == 0,
            "\(matrices[i].type), token \(token) of \(tokens)")
        }
      }
    }
  }

  @Test("Widths and heights that are cut into many tasks", arguments: ComputeCase.all)
  func large(_ computeCase: ComputeCase) throws {
    let compute = try computeCase.compute()
    for (type, rows, columns, tokens) in [
      (QuantType.q4_0, 40, 4096, 100), (.q8_0, 700, 288, 20), (.f32, 700, 96, 20), (.f16, 130, 1000, 33),
      (.bf16, 3, 4095, 2),
    ] {
      let matrix = RandomMatrix(type, rows: rows, columns: columns, seed: 7)
      let x = Self.input(tokens, columns: columns)
      let weights = try packed([matrix], computeCase.set)
      let output = FloatMatrix(columns: rows)
      let input = try FloatMatrix(x, rows: tokens)
      try compute.project(compute.prepare(input, for: weights), [Projection(weights[0], to: output)])
      let expected = Reference.product(matrix, x, rounding: rounds(type, compute.options), by: computeCase.set)
      #expect(largestError(output.values, expected) < 3e-6, "\(type)")
    }
  }

  @Test("Rows are normalised before they are multiplied", arguments: ComputeCase.invariant, tokenCounts)
  func normalised(_ computeCase: ComputeCase, tokens: Int) throws {
    let compute = try computeCase.compute()
    let matrices = [Self.matrices[0], Self.matrices[12]]
    let weights = try packed(matrices, computeCase.set)
    let input = try FloatMatrix(Self.input(tokens), rows: tokens)
    let before = input.values
    let norm = Norm(.rms, weight: FloatVector(Self.input(1)), epsilon: 1e-5)
    let outputs = weights.map { FloatMatrix(columns: $0.rows) }
    let activations = try compute.prepare(input, norm: norm, for: weights)
    try compute.project(activations, zip(weights, outputs).map { Projection($0, to: $1) })
    #expect(input.values == before, "the residual stream is left alone")

    let normalised = try FloatMatrix(before, rows: tokens)
    for row in 0..<tokens {
      compute.table.rmsNorm(normalised.row(row), norm.weight.base, norm.epsilon, 256, normalised.row(row))
    }
    for (matrix, output) in zip(matrices, outputs) {
      let expected = Reference.product(
        matrix, normalised.values, rounding: rounds(matrix.type, compute.options), by: computeCase.set)
      #expect(largestError(output.values, expected) < 3e-6, "\(matrix.type)")
    }
  }

  @Test("A normalised sum adds to the residual stream", arguments: InstructionSet.tested, [1, 3, 9, 33])
  func normalisedSum(set: InstructionSet, tokens: Int) throws {
    let compute = try Compute(options: .init(), table: set.table())
    let (x, y) = (Self.input(tokens), Self.input(tokens).map { $0 * 3 + 1 })
    let (sum, term) = (try FloatMatrix(x, rows: tokens), try FloatMatrix(y, rows: tokens))
    let weight = Self.input(1)
    compute.addNormalized(term, Norm(.rms, weight: FloatVector(weight), epsilon: 1e-6), to: sum)
    for token in 0..<tokens {
      let row = y[token * 256..<(token + 1) * 256].map(Double.init)
      let scale = 1 / (row.reduce(0) { $0 + $1 * $1 } / 256 + 1e-6).squareRoot()
      let worst = (0..<256).map { j in
        abs(Double(sum.row(token)[j]) - Double(x[token * 256 + j]) - row[j] * scale * Double(weight[j]))
      }.max()
      #expect(worst ?? 1 < 2e-6)
    }
  }

  @Test("No tokens, no results", arguments: ComputeCase.all)
  func nothing(_ computeCase: ComputeCase) throws {
    let compute = try computeCase.compute()
    let weights = try packed([Self.matrices[0], Self.matrices[12]], computeCase.set)
    let (input, output) = (FloatMatrix(columns: 256), FloatMatrix(columns: weights[0].rows))
    try compute.project(compute.prepare(input, for: weights), [Projection(weights[0], to: output)])
    #expect(output.rows == 0)
  }
}
