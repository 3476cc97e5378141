import KingletErrors
import Testing

@testable import KingletTensors

/// Activations as memory.
@Suite("Float matrices") struct FloatMatrixTests {
  @Test("Rows are padded to whole vectors", arguments: [(1, 16), (16, 16), (17, 32), (576, 576)])
  func stride(columns: Int, stride: Int) throws {
    let matrix = FloatMatrix(columns: columns)
    #expect(matrix.stride == stride && matrix.rows == 0)
    try matrix.resize(rows: 3)
    #expect(matrix.row(2) - matrix.row(0) == 2 * stride)
  }

  @Test("Contents stay where the matrix need not grow")
  func resizing() throws {
    let matrix = try FloatMatrix((0..<30).map(Float.init), rows: 10)
    try matrix.resize(rows: 2)
    #expect(matrix.values == [0, 1, 2, 3, 4, 5])
    try matrix.resize(rows: 10)
    #expect(matrix.values == (0..<30).map(Float.init))
    try matrix.resize(rows: 1000)
    #expect(matrix.rows == 1000)
    matrix.row(999)[2] = 1
  }

  @Test("Rows are copied out and taken over")
  func copies() throws {
    let matrix = try FloatMatrix((0..<30).map(Float.init), rows: 10)
    var row: [Float] = []
    matrix.copyRow(3, to: &row)
    #expect(row == [9, 10, 11])
    let other = FloatMatrix(columns: 3)
    try other.takeRows(2..<4, of: matrix)
    #expect(other.values == [6, 7, 8, 9, 10, 11])
    try other.takeRows(5..<5, of: matrix)
    #expect(other.rows == 0)
  }

  @Test("A matrix that could not grow is empty, and can be used again")
  func outOfMemory() throws {
    let matrix = try FloatMatrix((0..<30).map(Float.init), rows: 10)
    #expect { try matrix.resize(rows: 1 << 44) } throws: { ($0 as? KingletError)?.code == .outOfMemory }
    #expect(matrix.rows == 0)
    try matrix.resize(rows: 10)
    for row in 0..<10 { matrix.row(row)[2] = Float(row) }
    #expect((0..<10).allSatisfy { matrix.row($0)[2] == Float($0) })
  }
}
