import KingletErrors
import KingletKernels
import KingletTestSupport
import Testing

@testable import KingletTensors

/// What factors of adapters are kept as, and that products with them are those of the formulas.
@Suite("Low-rank updates") struct LowRankUpdateTests {
  private struct Toy {
    let matrix: PackedMatrix
    let a: [Float]
    let b: [Float]
    let rank = 3

    init(_ random: inout SeededRandom, scale: Float = 1) throws {
      matrix = try packed([RandomMatrix(.q8_0, rows: 80, columns: 64, seed: 1)], .portable)[0]
      a = random.floats(3 * 64).map { $0 * scale }
      b = random.floats(80 * 3)
    }

    func update(_ precision: FactorPrecision) throws -> LowRankUpdate {
      try LowRankUpdate(
        [.init(a: a, rank: rank, scale: 0.5, parts: [.init(matrix, b: b)])], columns: 64, precision: precision,
        in: FactorMemory())
    }

    /// What the update adds to the products of `x`.
    func change(_ x: FloatMatrix, _ update: LowRankUpdate) throws -> [Float] {
      let compute = Compute(options: .init(threads: 2, activations: .f32), table: .portable)
      let (plain, adapted) = (FloatMatrix(columns: 80), FloatMatrix(columns: 80))
      try compute.project(compute.prepare(x, for: [matrix]), [Projection(matrix, to: plain)])
      try compute.project(
        compute.prepare(x, for: [matrix], updates: InputUpdates([AppliedUpdate(update, rows: 0..<1, strength: 2)])),
        [Projection(matrix, to: adapted)])
      return (0..<80).map { adapted.row(0)[$0] - plain.row(0)[$0] }
    }

    func expected(_ x: FloatMatrix) -> [Double] {
      let low = (0..<rank).map { k in (0..<64).reduce(0.0) { $0 + Double(a[k * 64 + $1]) * Double(x.row(0)[$1]) } }
      return (0..<80).map { row in (0..<rank).reduce(0.0) { $0 + Double(b[row * rank + $1]) * low[$1] } }
    }
  }

  @Test("Products with factors in either precision")
  func precisions() throws {
    var random = SeededRandom(3)
    let toy = try Toy(&random)
    let x = FloatMatrix(columns: 64)
    try x.resize(rows: 1)
    for (column, value) in random.floats(64).enumerated() { x.row(0)[column] = value }
    let expected = toy.expected(x)
    let size = expected.map(abs).max() ?? 0
    for (precision, tolerance) in [(FactorPrecision.single, 1e-5), (.half, 2e-3)] {
      let change = try toy.change(x, toy.update(precision))
      let error = zip(change, expected).map { abs(Double($0) - $1) }.max() ?? .nan
      #expect(error <= tolerance * size)
      // Rounding shows, or nothing was rounded.
      #expect((error > 1e-5 * size) == (precision == .half))
    }
    #expect(try toy.update(.half).byteCount * 2 == toy.update(.single).byteCount)
  }

  @Test("What is laid out for a pass is used again, laid out anew for another input, and refused for other rows")
  func layout() throws {
    var random = SeededRandom(6)
    let toy = try Toy(&random)
    let update = try toy.update(.single)
    let updates = try #require(
      InputUpdates([
        AppliedUpdate(update, rows: 0..<1, strength: 1), AppliedUpdate(update, rows: 0..<1, strength: -0.5),
        AppliedUpdate(update, rows: 1..<2, strength: 2),
      ]))
    let compute = Compute(options: .init(threads: 2, activations: .f32), table: .portable)
    let plain = FloatMatrix(columns: 80)
    let adapted = FloatMatrix(columns: 80)
    // Two inputs in turn; the second pass of each finds everything laid out for the other.
    let inputs = try (0..<2).map { _ in
      let x = FloatMatrix(columns: 64)
      try x.resize(rows: 2)
      for row in 0..<2 { x.fillRow(row, repeating: random.floats(64)) }
      return x
    }
    for x in inputs + inputs + [inputs[1]] {
      try compute.project(compute.prepare(x, for: [toy.matrix]), [Projection(toy.matrix, to: plain)])
      try compute.project(
        compute.prepare(x, for: [toy.matrix], updates: updates), [Projection(toy.matrix, to: adapted)])
      #expect(updates.projections.count == 3 && updates.additions.count == 3)
      for (row, strength) in [(0, 0.5), (1, 2)] {
        for column in 0..<80 {
          let low = (0..<3).map { k in
            (0..<64).reduce(0.0) { $0 + Double(toy.a[k * 64 + $1]) * Double(x.row(row)[$1]) }
          }
          let change = (0..<3).reduce(0.0) { $0 + Double(toy.b[column * 3 + $1]) * low[$1] } * 0.5 * strength
          #expect(abs(Double(adapted.row(row)[column] - plain.row(row)[column]) - change) < 1e-3)
        }
      }
    }
    let single = FloatMatrix(columns: 64)
    try single.resize(rows: 1)
    #expect(throws: KingletError.self) { try compute.prepare(single, for: [toy.matrix], updates: updates) }
    #expect(InputUpdates([]) == nil)
  }

  @Test("Numbers that are too large for halves stay as they are")
  func largeNumbers() throws {
    var random = SeededRandom(4)
    let toy = try Toy(&random, scale: 1e6)
    let update = try toy.update(.half)
    #expect(update.a.precision == .single)
    #expect(update.targets.map(\.b.precision) == [.half])
  }

  @Test("Factors that do not fit are refused")
  func sizes() throws {
    var random = SeededRandom(5)
    let toy = try Toy(&random)
    #expect(throws: KingletError.self) {
      try LowRankUpdate(
        [.init(a: toy.a, rank: 2, scale: 1, parts: [.init(toy.matrix, b: toy.b)])], columns: 64, precision: .single,
        in: FactorMemory())
    }
  }

  @Test("Factors of an adapter lie one behind the other, and a large one has memory of its own")
  func memory() throws {
    let memory = FactorMemory()
    let small = try (0..<3).map { _ in
      try LowRankFactor(second: [Float](repeating: 1, count: 160), rank: 2, precision: .half, in: memory)
    }
    for (a, b) in zip(small, small.dropFirst()) { #expect(b.base - a.base < 512) }
    let large = try LowRankFactor(
      second: [Float](repeating: 1, count: 3 << 20), rank: 1, precision: .single, in: memory)
    #expect(large.byteCount == 12 << 20)
    #expect(large.base.load(fromByteOffset: large.byteCount - 4, as: Float.self) == 1)
  }
}
