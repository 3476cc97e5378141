import KingletErrors
import KingletQuants
import KingletTestSupport
import Testing

@testable import KingletTensors

/// Rows of embedding tables.
@Suite("Embedding") struct EmbedTests {
  @Test("Rows are the table's, scaled", arguments: InstructionSet.tested, PackedMatrixTests.types)
  func rows(set: InstructionSet, type: QuantType) throws {
    let matrix = RandomMatrix(type, rows: 37, columns: 256, seed: 70)
    let table = try packed([matrix], set)[0]
    let compute = try Compute(options: .init(), table: set.table())
    let output = FloatMatrix(columns: 256)
    let tokens: [Int32] = [99, 0, 36, 5, 5, 16, 15, 99]
    for scale in [1, 25.3] as [Float] {
      try compute.embed(tokens[1...6], from: table, scale: scale, to: output)
      let expected = tokens[1...6].flatMap { matrix.row(Int($0)).map { $0 * scale } }
      #expect(differing(output.values, expected) == 0)
    }
    try compute.embed([], from: table, scale: 1, to: output)
    #expect(output.rows == 0)
  }

  @Test("Tokens outside the table are refused by number", arguments: [-1, 37, .max, .min] as [Int32])
  func outside(token: Int32) throws {
    let table = try packed([RandomMatrix(.q8_0, rows: 37, columns: 64, seed: 71)], .portable)[0]
    let compute = Compute(options: .init(), table: .portable)
    #expect {
      try compute.embed([3, token], from: table, scale: 1, to: FloatMatrix(columns: 64))
    } throws: {
      let error = $0 as? KingletError
      return error?.code == .invalidArgument && error?.message.contains("\(token)") == true
    }
  }
}
