import Foundation
import KingletKernels
import KingletQuants
import KingletTestSupport
import Testing

/// Lengths around the sixteen lanes of a vector, and some of real models.
private let counts = [0, 1, 2, 7, 15, 16, 17, 31, 32, 33, 47, 100, 255, 576, 1000]

/// The kernels on single vectors, of every table, against the formula in double precision.
@Suite("Vector kernels") struct VectorKernelTests {
  @Test("RMS norm", arguments: InstructionSet.tested, [1, 1e-3, 1e-25, 1e12] as [Float])
  func rmsNorm(set: InstructionSet, size: Float) throws {
    let table = try set.table()
    var random = SeededRandom(1)
    for count in counts {
      let values = random.floats(count, deviation: size)
      let weights = random.floats(count)
      let (x, weight, out) = (Fenced(values), Fenced(weights), Fenced(repeating: Float.nan, count: count))
      let epsilon: Float = 1e-6
      table.rmsNorm(x.pointer, weight.pointer, epsilon, count, out.pointer)

      let mean = values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(1, count))
      let scale = 1 / (mean + Double(epsilon)).squareRoot()
      let expected = zip(values, weights).map { Double($0) * scale * Double($1) }
      #expect(relativeError(out.values, expected) < 1e-6, "\(count) values")
      #expect(out.isIntact)

      table.rmsNorm(x.pointer, weight.pointer, epsilon, count, x.pointer)
      #expect(x.values == out.values, "in place")
    }
  }

  @Test("RMS norm of values whose squares overflow is the same nothing in all tables", arguments: InstructionSet.tested)
  func overflowingNorm(set: InstructionSet) throws {
    let table = try set.table()
    let x = Fenced<Float>(repeating: 1e25, count: 40)
    let weight = Fenced<Float>(repeating: 1, count: 40)
    table.rmsNorm(x.pointer, weight.pointer, 1e-6, 40, x.pointer)
    #expect(x.values.allSatisfy { $0 == 0 })
  }

  @Test("Tokens are put side by side", arguments: InstructionSet.tested)
  func interleaving(set: InstructionSet) throws {
    let table = try set.table()
    var random = SeededRandom(8)
    for columns in counts where columns > 0 {
      for width in [1, 2, 4, 8, 16] {
        // Rows that are padded, as those of activations.
        let stride = (columns + 15) / 16 * 16
        let x = Fenced(random.floats((width - 1) * stride + columns))
        let tile = Fenced(repeating: Float.nan, count: columns * width)
        table.interleave(x.pointer, stride, columns, tile.pointer, width)
        let values = x.values
        let expected = (0..<columns * width).map { values[$0 % width * stride + $0 / width] }
        #expect(tile.values == expected && tile.isIntact && x.isIntact, "\(columns) columns of \(width)")
      }
    }
  }

  @Test("Rotation", arguments: InstructionSet.tested, [RotaryPairing.adjacent, .halves])
  func rotation(set: InstructionSet, pairing: RotaryPairing) throws {
    let table = try set.table()
    var random = SeededRandom(2)
    for headSize in [16, 24, 40, 64, 80, 96, 128, 256] {
      for rotated in [0, 2, 10, 16, 22, 64, 90, headSize / 2, headSize] where rotated <= headSize {
        let (heads, half) = (3, rotated / 2)
        let angles = (0..<half).map { _ in Double(random.float(in: -4...4)) }
        let values = random.floats(heads * headSize)
        let (x, cosines) = (Fenced(values), Fenced(angles.map { Float(cos($0)) }))
        let sines = Fenced(angles.map { Float(sin($0)) })
        table.rotate(x.pointer, heads, headSize, rotated, cosines.pointer, sines.pointer, pairing)

        var expected = values.map(Double.init)
        for head in 0..<heads {
          for i in 0..<half {
            let at = head * headSize
            let (first, second) = pairing == .adjacent ? (at + 2 * i, at + 2 * i + 1) : (at + i, at + i + half)
            let (a, b) = (Double(values[first]), Double(values[second]))
            expected[first] = a * cos(angles[i]) - b * sin(angles[i])
            expected[second] = a * sin(angles[i]) + b * cos(angles[i])
          }
        }
        #expect(largestDifference(x.values, expected) < 1e-6, "head size \(headSize), \(rotated) rotated")
        #expect(x.isIntact)
        for head in 0..<heads {
          let rest = head * headSize + rotated..<(head + 1) * headSize
          #expect(x.values[rest] == values[rest], "what is not rotated stays as it is")
        }
      }
    }
  }

  @Test("Layer norm", arguments: InstructionSet.tested, [1, 1e-3, 1e12] as [Float])
  func layerNorm(set: InstructionSet, size: Float) throws {
    let table = try set.table()
    var random = SeededRandom(6)
    for count in counts where count > 0 {
      // A mean far from zero: its square is much more than the variance.
      let values = random.floats(count, deviation: size).map { $0 + 20 * size }
      let (weights, biases) = (random.floats(count), random.floats(count))
      let (x, weight, bias) = (Fenced(values), Fenced(weights), Fenced(biases))
      let epsilon: Float = 1e-12
      let mean = values.reduce(0.0) { $0 + Double($1) } / Double(count)
      let variance = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(count)
      let scale = 1 / (variance + Double(epsilon)).squareRoot()
      for isBiased in [false, true] {
        let out = Fenced(repeating: Float.nan, count: count)
        table.layerNorm(
          x.pointer, weight.pointer, isBiased ? UnsafePointer(bias.pointer) : nil, epsilon, count, out.pointer)
        let expected = (0..<count).map {
          (Double(values[$0]) - mean) * scale * Double(weights[$0]) + (isBiased ? Double(biases[$0]) : 0)
        }
        // A single value is its own mean, and rounding errors of the mean are all that is left.
        if count > 1 { #expect(largestDifference(out.values, expected) < 3e-5, "\(count) values") }
        #expect(out.isIntact)
      }
      let out = Fenced(repeating: Float.nan, count: count)
      table.layerNorm(x.pointer, weight.pointer, bias.pointer, epsilon, count, out.pointer)
      table.layerNorm(x.pointer, weight.pointer, bias.pointer, epsilon, count, x.pointer)
      #expect(x.values == out.values, "in place")
    }
  }

  @Test("Non-linearities", arguments: InstructionSet.tested, [Activation.silu, .geluTanh, .gelu, .tanh])
  func nonlinearities(set: InstructionSet, activation: Activation) throws {
    let table = try set.table()
    let values = (-14_000...14_000).map { Float($0) / 1000 } + [0, -0.0, 1e-30, -1e-30, 90, -90]
    for count in counts + [values.count] {
      let x = Fenced(Array(values.prefix(count)))
      table.endProducts(
        ProductEnding(
          out: x.pointer, outStride: count, products: x.pointer, productStride: count, tokenCount: 1, count: count,
          bias: nil, use: .activate(activation)))
      #expect(x.isIntact)
      let wrong = (0..<count).filter { i in
        let expected = exact(activation, Double(values[i]))
        return !(abs(Double(x.values[i]) - expected) <= 2e-7 + 2e-6 * abs(expected))
      }
      #expect(wrong.isEmpty, "\(count) values: \(wrong.prefix(3).map { (values[$0], x.values[$0]) })")
    }
  }

  @Test("Products are ended with bias, activation or residual", arguments: InstructionSet.tested)
  func endings(set: InstructionSet) throws {
    let table = try set.table()
    var random = SeededRandom(9)
    for (count, tokenCount) in [(1, 1), (15, 3), (16, 2), (33, 5), (100, 1), (48, 8)] {
      for isBiased in [false, true] {
        for use in [ProductEnding.Use.replace, .activate(.silu), .add] {
          let (outStride, stride) = (count + 3, count + 16)
          let outs = random.floats(tokenCount * outStride)
          let products = Fenced(random.floats(tokenCount * stride))
          let (out, bias) = (Fenced(outs), Fenced(random.floats(count)))
          table.endProducts(
            ProductEnding(
              out: out.pointer, outStride: outStride, products: products.pointer, productStride: stride,
              tokenCount: tokenCount, count: count, bias: isBiased ? UnsafePointer(bias.pointer) : nil, use: use))
          let expected = outs.indices.map { index -> Double in
            let (token, i) = (index / outStride, index % outStride)
            // What lies between the tokens stays.
            guard i < count else { return Double(outs[index]) }
            let y = Double(products.values[token * stride + i]) + (isBiased ? Double(bias.values[i]) : 0)
            return switch use {
            case .replace: y
            case .activate(let activation): exact(activation, y)
            case .add: Double(outs[index]) + y
            }
          }
          #expect(largestDifference(out.values, expected) < 1e-6, "\(count) rows, \(tokenCount) tokens, \(use)")
          #expect(out.isIntact && products.isIntact)
        }
      }
    }
  }

  @Test("Gates", arguments: InstructionSet.tested, [Activation.silu, .geluTanh, .gelu])
  func gates(set: InstructionSet, activation: Activation) throws {
    let table = try set.table()
    var random = SeededRandom(3)
    for count in counts {
      // Ordinary values, and the range in which exponentials under- and overflow.
      let gates = (0..<count).map { $0 % 3 == 0 ? random.float(in: -120...120) : random.float(in: -6...6) }
      let (gate, up) = (Fenced(gates), Fenced(random.floats(count, deviation: 3)))
      let out = Fenced(repeating: Float.nan, count: count)
      table.gate(activation, gate.pointer, up.pointer, count, out.pointer)
      let wrong = (0..<count).filter { i in
        let expected = exact(activation, Double(gates[i])) * Double(up.values[i])
        // The tanh form of the portable table cancels in its left tail, like everyone else's.
        let size = activation == .silu ? abs(expected) : abs(Double(gates[i] * up.values[i]))
        return !(abs(Double(out.values[i]) - expected) <= 1e-6 * size + 1e-35)
      }
      #expect(wrong.isEmpty, "\(count) values: \(wrong.prefix(3).map { (gates[$0], out.values[$0]) })")
      #expect(out.isIntact)
      table.gate(activation, gate.pointer, up.pointer, count, gate.pointer)
      #expect(gate.values == out.values, "in place")
    }
  }

  @Test("Gates at the ends of the number line", arguments: InstructionSet.tested, [Activation.silu, .geluTanh, .gelu])
  func extremeGates(set: InstructionSet, activation: Activation) throws {
    let table = try set.table()
    let most = Float.greatestFiniteMagnitude
    let tiny = Float.leastNormalMagnitude / 64
    let gate = Fenced<Float>([0, -0.0, tiny, 1000, -1000, 1e30, -1e30, most, -most, .infinity, .nan])
    let up = Fenced<Float>(repeating: 1, count: gate.count)
    table.gate(activation, gate.pointer, up.pointer, gate.count, gate.pointer)
    let results = gate.values
    #expect(results[0] == 0 && results[1] == 0)
    #expect(results[2] == tiny / 2)
    #expect(results[3...9].elementsEqual([1000, 0, 1e30, 0, most, 0, .infinity]))
    #expect(results[10].isNaN)
  }

  @Test("Scaled addition", arguments: InstructionSet.tested)
  func addition(set: InstructionSet) throws {
    let table = try set.table()
    var random = SeededRandom(4)
    for count in counts {
      let (values, y) = (random.floats(count), Fenced(random.floats(count)))
      let x = Fenced(values)
      table.addScaled(x.pointer, y.pointer, 0.37, count)
      let expected = zip(values, y.values).map { Double($0) + Double($1) * Double(0.37 as Float) }
      #expect(largestDifference(x.values, expected) < 1e-6 && x.isIntact)

      // A residual connection has the factor 1: one rounding, whatever the table.
      x.pointer.update(from: values, count: count)
      table.addScaled(x.pointer, y.pointer, 1, count)
      #expect(x.values == zip(values, y.values).map { $0 + $1 })
    }
  }

  @Test("Index of the maximum: first of equals, never NaN", arguments: InstructionSet.tested)
  func maximum(set: InstructionSet) throws {
    let table = try set.table()
    var random = SeededRandom(5)
    var cases: [[Float]] = [
      [], [.nan], [-.infinity], [.nan, -.infinity], [.nan, .nan, -5], [-0.0, 0], [.infinity, .infinity],
      Array(repeating: -.infinity, count: 40), Array(repeating: .nan, count: 40),
      Array(repeating: -3, count: 17) + [-2], Array(repeating: -1, count: 33),
    ]
    for count in counts {
      cases.append(random.floats(count))
      // Few different values, so that there are ties; a third of them not numbers.
      cases.append((0..<count).map { _ in [-2, -1, -0.5, .nan, -.infinity][Int.random(in: 0..<5, using: &random)] })
    }
    for values in cases {
      let x = Fenced(values)
      let numbers = values.indices.filter { !values[$0].isNaN }
      let largest = numbers.map { values[$0] }.max()
      let expected = numbers.first { values[$0] == largest } ?? 0
      #expect(table.indexOfMaximum(x.pointer, x.count) == expected, "\(values)")
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
