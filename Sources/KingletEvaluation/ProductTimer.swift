import KingletErrors
import KingletTensors
import KingletTransformer

/// Matrices of one type and shape, at least one.
struct MatrixGroup {
  var matrices: [PackedMatrix]
  let isHead: Bool

  static func groups(of decoder: Decoder) -> [MatrixGroup] {
    var groups: [MatrixGroup] = []
    for matrix in decoder.layerMatrices {
      let index = groups.firstIndex {
        let first = $0.matrices[0]
        return first.type == matrix.type && first.rows == matrix.rows && first.columns == matrix.columns
      }
      if let index { groups[index].matrices.append(matrix) } else { groups.append(MatrixGroup([matrix])) }
    }
    return groups + [MatrixGroup([decoder.headMatrix], isHead: true)]
  }

  private init(_ matrices: [PackedMatrix], isHead: Bool = false) {
    self.matrices = matrices
    self.isHead = isHead
  }
}

/// Multiplies tokens with the matrices of a group, one after the other as the layers do.
final class ProductTimer {
  let tokens: Int
  private let matrices: ArraySlice<PackedMatrix>
  private let simd: Compute
  private let blas: Compute
  private let automatic: Compute
  private let input: FloatMatrix
  private let output: FloatMatrix

  init(_ group: MatrixGroup, tokens: Int, _ options: ComputeOptions) throws(KingletError) {
    self.tokens = tokens
    // Of many tokens a few products take long enough; of one, all matrices, so that they come from memory.
    matrices = tokens > 1 ? group.matrices.prefix(4) : group.matrices[...]
    let table = try KernelTable.selected()
    func compute(_ activations: ComputeOptions.ActivationType, _ matmul: ComputeOptions.Matmul) -> Compute {
      Compute(options: .init(threads: options.threads, activations: activations, matmul: matmul), table: table)
    }
    simd = compute(options.activations, .simd)
    blas = compute(.f32, .blas)
    automatic = compute(options.activations, .auto)
    input = FloatMatrix(columns: group.matrices[0].columns)
    output = FloatMatrix(columns: group.matrices[0].rows)
    try input.resize(rows: tokens)
    for token in 0..<tokens {
      input.fillRow(token, repeating: (0..<97).map { Float(($0 + token) * 37 % 101 - 50) / 50 })
    }
  }

  var autoTakesBLAS: Bool { automatic.takesBLAS(matrices[0], tokens: tokens) }

  func simdRate() throws(KingletError) -> Double { try rate(simd) }

  func blasRate() throws(KingletError) -> Double? {
    blas.takesBLAS(matrices[0], tokens: tokens) ? try rate(blas) : nil
  }

  /// Multiplications and additions in a second, over 1e9.
  private func rate(_ compute: Compute) throws(KingletError) -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    for matrix in matrices {
      try compute.project(try compute.prepare(input, for: [matrix]), [Projection(matrix, to: output)])
    }
    let seconds = start.duration(to: clock.now) / .seconds(1)
    return Double(2 * matrices.count * tokens * matrices[0].rows * matrices[0].columns) / seconds / 1e9
  }
}
