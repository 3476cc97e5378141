import KingletQuants
import KingletTestSupport
import Testing

@testable import KingletTensors

/// The largest of a matrix's products, found without a row of them.
@Suite("Choice of the largest product") struct ChooseTests {
  @Test(
    "Is the largest of the row that project makes", arguments: InstructionSet.tested, [QuantType.q8_0, .q4_K, .f32])
  func agreement(set: InstructionSet, type: QuantType) throws {
    for rows in [1, 15, 33, 5000] {
      let matrix = try packed([RandomMatrix(type, rows: rows, columns: 256, seed: UInt64(rows))], set)[0]
      for threads in [1, 2] {
        let compute = try Compute(options: .init(threads: threads), table: set.table())
        for seed in 0..<5 as Range<UInt64> {
          var random = SeededRandom(seed)
          let x = try FloatMatrix(random.floats(256), rows: 1)
          let all = FloatMatrix(columns: rows)
          try compute.project(compute.prepare(x, for: [matrix]), [Projection(matrix, to: all)])
          let values = all.values
          let expected = values.firstIndex(of: values.max() ?? 0)
          #expect(try compute.indexOfLargestProduct(compute.prepare(x, for: [matrix]), matrix) == expected)
        }
      }
    }
  }

  @Test("A tie goes to the lowest row, and what is no number never wins", arguments: InstructionSet.tested)
  func ties(set: InstructionSet) throws {
    let compute = try Compute(options: .init(), table: set.table())
    // One column of ones: the products are the weights.
    func choice(_ weights: [Float]) throws -> Int {
      let matrix = try packed(
        [
          RandomMatrix(
            .f32, rows: weights.count, columns: 1, bytes: weights.flatMap { withUnsafeBytes(of: $0, Array.init) })
        ], set)[0]
      return try compute.indexOfLargestProduct(compute.prepare(FloatMatrix([1], rows: 1), for: [matrix]), matrix)
    }
    var weights = [Float](repeating: -3, count: 3000)
    #expect(try choice(weights) == 0)
    (weights[2999], weights[1234], weights[40]) = (2, 2, .nan)
    #expect(try choice(weights) == 1234)
    #expect(try choice([Float](repeating: .nan, count: 100)) == 0)
    #expect(try choice([Float](repeating: -.infinity, count: 100)) == 0)
  }
}
