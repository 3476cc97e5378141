import KingletErrors
import KingletQuants
import KingletTestSupport
import Testing

@testable import KingletTensors

/// Kernels take sizes on trust; what does not fit together must be refused before it reaches them.
@Suite("Sizes that do not fit") struct MisuseTests {
  private let compute = Compute(options: .init(), table: .portable)

  private func refused(_ body: () throws -> Void) -> Bool {
    do {
      try body()
      return false
    } catch {
      return (error as? KingletError)?.code == .invalidArgument
    }
  }

  private func matrix(_ rows: Int, _ columns: Int, _ type: QuantType = .q8_0) throws -> PackedMatrix {
    try packed([RandomMatrix(type, rows: rows, columns: columns, seed: 1)], .portable)[0]
  }

  private func zeros(_ rows: Int, _ columns: Int) throws -> FloatMatrix {
    try FloatMatrix(Array(repeating: 0, count: rows * columns), rows: rows)
  }

  @Test("Activations for matrices of other widths, and norms of other lengths")
  func preparation() throws {
    let (x, w) = (try zeros(2, 64), try matrix(8, 32))
    #expect(refused { _ = try compute.prepare(x, for: [w]) })
    let norm = Norm(.rms, weight: FloatVector(Array(repeating: 1, count: 63)), epsilon: 1e-6)
    #expect(refused { _ = try compute.prepare(x, norm: norm, for: []) })
  }

  @Test("Products of other widths, into outputs of other widths or heights, with biases of other lengths")
  func projections() throws {
    let w = try matrix(8, 64)
    let x = try compute.prepare(zeros(2, 64), for: [w])
    let narrow = try compute.prepare(zeros(2, 32), for: [])
    #expect(refused { try compute.project(narrow, [Projection(w, to: FloatMatrix(columns: 8))]) })
    #expect(refused { try compute.project(x, [Projection(w, to: FloatMatrix(columns: 7))]) })
    #expect(refused { try compute.project(x, [Projection(w, addingTo: zeros(1, 8))]) })
    let bias = FloatVector([1, 2, 3])
    #expect(refused { try compute.project(x, [Projection(w, bias: bias, to: FloatMatrix(columns: 8))]) })
    try compute.project(x, [Projection(w, to: FloatMatrix(columns: 8))])
  }

  @Test("Gates and ups of different heights or widths")
  func gated() throws {
    let w = try matrix(8, 64)
    let x = try compute.prepare(zeros(2, 64), for: [w])
    func gated(_ gate: PackedMatrix, _ up: PackedMatrix, _ columns: Int) throws {
      try compute.projectGated(x, gate: gate, up: up, activation: .silu, to: FloatMatrix(columns: columns))
    }
    #expect(refused { try gated(w, matrix(7, 64), 8) })
    #expect(refused { try gated(matrix(8, 32), w, 8) })
    #expect(refused { try gated(w, w, 9) })
    try gated(w, w, 8)
    let many = try compute.prepare(zeros(9, 64), for: [w])
    #expect(
      refused {
        _ = try compute.prepareGated(
          many, gate: w, up: w, activation: .silu, for: matrix(4, 32), through: FloatMatrix(columns: 8))
      })
  }

  @Test("Embeddings of another width")
  func embedding() throws {
    let table = try matrix(8, 64)
    #expect(refused { try compute.embed([1], from: table, scale: 1, to: FloatMatrix(columns: 32)) })
  }

  @Test("Queries, keys, values, caches and rotations of other shapes")
  func attention() throws {
    let shape = AttentionShape(
      headCount: 4, keyHeadCount: 2, headSize: 16, pairing: .halves, scale: 1, queryNorm: nil, keyNorm: nil)
    func attend(
      q: Int = 64, k: Int = 32, v: Int = 32, keys: Int = 3, rotated: Int = 16, heads: Int = 2, size: Int = 16,
      start: Int = 0, output: Int = 64
    ) throws {
      try compute.attend(
        q: zeros(3, q), k: zeros(keys, k), v: zeros(3, v), shape: shape,
        rotary: RotaryTable(rotated: rotated, base: 10_000),
        cache: KVLayer(headCount: heads, headSize: size, type: .f16, window: nil), start: start,
        to: FloatMatrix(columns: output))
    }
    try attend()
    try attend(rotated: 8, start: 300)
    #expect(refused { try attend(q: 32) })
    #expect(refused { try attend(k: 64) })
    #expect(refused { try attend(v: 16) })
    #expect(refused { try attend(keys: 2) })
    #expect(refused { try attend(rotated: 18) })
    #expect(refused { try attend(heads: 1) })
    #expect(refused { try attend(size: 32) })
    #expect(refused { try attend(start: -1) })
    #expect(refused { try attend(output: 32) })
  }
}
