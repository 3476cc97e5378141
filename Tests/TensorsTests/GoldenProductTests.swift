import KingletErrors
import KingletGGUF
import KingletQuants
import KingletTestSupport
import Testing

@testable import KingletTensors

/// Products with real quantised matrices, against those of other software in double precision.
@Suite("Golden products", .enabled(if: Shared.isPresent, Comment(rawValue: Shared.reason))) struct GoldenProductTests {
  struct Golden: Decodable {
    struct Entry: Decodable {
      let tensor: String
      let matmul: String
    }
    let types: [String: Entry]
    let rows: Int
    let cols: Int
  }

  private static let types = QuantType.multipliable + QuantType.dequantized + [.f16, .bf16]

  @Test("Every type, with activations as floats and as int8", arguments: ComputeCase.all, types)
  func products(_ computeCase: ComputeCase, type: QuantType) throws {
    let folder = Shared.path("golden/quants/")
    let golden = try json(Golden.self, at: folder + "golden.json")
    let entry = try #require(golden.types[type.name])
    let file = try GGUFFile(path: folder + "quants.gguf")
    let tensor = try #require(file.tensor(named: entry.tensor))
    let weights = try WeightArena.load([tensor], from: file, table: computeCase.set.table(), threads: 2) {
      (_) throws(KingletError) in
    }
    let x = try numbers(Float.self, at: folder + "x.f32")
    let expected = try numbers(Double.self, at: folder + entry.matmul)

    let tokens = x.count / golden.cols
    let compute = try computeCase.compute()
    let (input, output) = (try FloatMatrix(x, rows: tokens), FloatMatrix(columns: golden.rows))
    try compute.project(compute.prepare(input, for: weights), [Projection(weights[0], to: output)])

    let isRounded = rounds(type, compute.options)
    var (worst, squares) = (0.0, 0.0)
    for token in 0..<tokens {
      let values = x[token * golden.cols..<(token + 1) * golden.cols]
      let deviations = isRounded ? Reference.roundingDeviations(values) : []
      for row in 0..<golden.rows {
        let w = weights[0].unpack(rows: row..<row + 1).map(Double.init)
        let error = abs(Double(output.row(token)[row]) - expected[token * golden.rows + row])
        let products = zip(w, values).map { $0 * Double($1) }
        if isRounded {
          // In standard deviations of what rounding to int8 may do, and in those of the product itself.
          worst = max(worst, error / norm(zip(w, deviations).map(*)))
          let relative = error / norm(products)
          squares += relative * relative
        } else {
          worst = max(worst, error / max(products.reduce(0) { $0 + abs($1) }, 1e-300))
        }
      }
    }
    #expect(worst < (isRounded ? 5 : 1e-5))
    #expect((squares / Double(tokens * golden.rows)).squareRoot() < 0.01)
  }

  private func norm(_ values: [Double]) -> Double {
    max(values.reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-300)
  }
}
