import Foundation
import KingletQuants
import KingletTestSupport
import Testing

@testable import KingletTensors

/// The gated half of a feed-forward layer.
@Suite("Gated projections") struct GatedTests {
  /// Types of gate and up: the same, panels of as many rows but other bytes (either way round), other panels, floats.
  private static let pairs: [(QuantType, QuantType)] = [
    (.q4_0, .q4_0), (.q4_K, .q4_K), (.q4_0, .q8_0), (.q8_0, .q4_0), (.q4_K, .q6_K), (.q4_K, .f32), (.q2_K, .q4_K),
    (.f16, .f16), (.f32, .bf16), (.bf16, .q8_0),
  ]

  private func gated(
    _ x: [Float], _ tokens: Int, _ weights: [PackedMatrix], _ activation: Activation, _ compute: Compute
  ) throws -> FloatMatrix {
    let input = try FloatMatrix(x, rows: tokens)
    let output = FloatMatrix(columns: weights[0].rows)
    try compute.projectGated(
      compute.prepare(input, for: weights), gate: weights[0], up: weights[1], activation: activation, to: output)
    return output
  }

  @Test("Types of every combination", arguments: ComputeCase.all, pairs)
  func types(_ computeCase: ComputeCase, _ pair: (QuantType, QuantType)) throws {
    let rows = 90
    let gate = RandomMatrix(pair.0, rows: rows, columns: 512, seed: 1)
    let up = RandomMatrix(pair.1, rows: rows, columns: 512, seed: 2)
    let weights = try packed([gate, up], computeCase.set)
    let compute = try computeCase.compute()
    for (tokens, activation) in [(1, Activation.silu), (2, .geluTanh), (9, .silu), (33, .geluTanh)] {
      var random = SeededRandom(UInt64(tokens))
      let x = random.floats(tokens * 512, deviation: 0.3)
      let result = try gated(x, tokens, weights, activation, compute)
      let gates = Reference.product(gate, x, rounding: rounds(gate.type, compute.options), by: computeCase.set)
      let ups = Reference.product(up, x, rounding: rounds(up.type, compute.options), by: computeCase.set)
      let expected = zip(gates, ups).map { gate, up in
        let value = exact(activation, gate.value)
        // Errors of the gate (whose slope is at most 1.13) times up, and of up times the gate.
        return Reference.Sum(
          value: value * up.value, size: 1.13 * gate.size * abs(up.value) + (abs(value) + abs(gate.value)) * up.size,
          shiftError: 1.13 * gate.shiftError * (abs(up.value) + up.shiftError) + abs(value) * up.shiftError)
      }
      #expect(largestError(result.values, expected) < 3e-6, "\(tokens) tokens")
    }
  }

  @Test(
    "Results are the same bits on one thread and two, alone and in any batch", arguments: ComputeCase.invariant, pairs)
  func invariance(_ computeCase: ComputeCase, _ pair: (QuantType, QuantType)) throws {
    let matrices = [pair.0, pair.1].map { RandomMatrix($0, rows: 200, columns: 256, seed: 3) }
    let weights = try packed(matrices, computeCase.set)
    let (one, two) = (try computeCase.compute(threads: 1), try computeCase.compute(threads: 2))
    for tokens in [1, 3, 4, 7, 8, 9, 33, 100] {
      var random = SeededRandom(UInt64(tokens))
      let x = random.floats(tokens * 256, deviation: 0.3)
      let together = try gated(x, tokens, weights, .silu, two)
      #expect(differing(try gated(x, tokens, weights, .silu, one).values, together.values) == 0, "\(tokens) tokens")
      for token in Set([0, tokens / 2, tokens - 1]) {
        let alone = try gated(Array(x[token * 256..<(token + 1) * 256]), 1, weights, .silu, two)
        #expect(differing(alone.values, together.values(row: token)) == 0, "token \(token) of \(tokens)")
      }
    }
  }

  @Test(
    "Prepared for the next product they are the same bits as by way of floats, seen or not", arguments: ComputeCase.all,
    pairs)
  func prepared(_ computeCase: ComputeCase, _ pair: (QuantType, QuantType)) throws {
    let matrices = [pair.0, pair.1].map { RandomMatrix($0, rows: 256, columns: 512, seed: 5) }
    for type in [QuantType.q4_K, .f16] {
      let next = RandomMatrix(type, rows: 48, columns: 256, seed: 6)
      let weights = try packed(matrices + [next], computeCase.set)
      let compute = try computeCase.compute(threads: 2)
      for tokens in [1, 7, 8, 15, 33, 100] {
        var random = SeededRandom(UInt64(tokens))
        let x = random.floats(tokens * 512, deviation: 0.3)
        func product(_ input: Activations) throws -> [Float] {
          let output = FloatMatrix(columns: 48)
          try compute.project(input, [Projection(weights[2], to: output)])
          return output.values
        }
        let floats = try gated(x, tokens, Array(weights[..<2]), .silu, compute)
        let expected = try product(compute.prepare(floats, for: [weights[2]]))
        for observer in [nil, SquareSums()] {
          compute.observer = observer
          let input = try FloatMatrix(x, rows: tokens)
          let result = try product(
            compute.prepareGated(
              compute.prepare(input, for: Array(weights[..<2])), gate: weights[0], up: weights[1], activation: .silu,
              for: weights[2], through: FloatMatrix(columns: 256)))
          #expect(differing(result, expected) == 0, "\(type), \(tokens) tokens")
          if let observer { #expect(observer.last == floats.squares) }
        }
        compute.observer = nil
      }
    }
  }

  private func exact(_ activation: Activation, _ x: Double) -> Double {
    switch activation {
    case .gelu: 0.5 * x * erfc(-x / 2.0.squareRoot())
    case .tanh: tanh(x)
    case .silu: x / (1 + exp(-x))
    case .geluTanh: x / (1 + exp(-2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }
  }
}

/// Keeps the sums of squares of what it saw last.
private final class SquareSums: ActivationObserver, @unchecked Sendable {
  // Only the thread of the test calls.
  var last: [Double] = []

  func observe(_ activations: Activations, for _: [PackedMatrix]) {
    last = [Double](repeating: 0, count: activations.columns)
    activations.addSquares(to: &last)
  }
}

extension FloatMatrix {
  /// Of each column.
  fileprivate var squares: [Double] {
    (0..<columns).map { column in
      (0..<rows).reduce(0) { $0 + Double(row($1)[column]) * Double(row($1)[column]) }
    }
  }
}
