import KingletErrors
import KingletGGUF
import KingletQuants
import KingletTestSupport
import Testing

@testable import KingletTensors

/// Matrices as models get them: written to a file, and packed from it.
func packed(_ matrices: [RandomMatrix], _ set: InstructionSet, threads: Int = 2) throws -> [PackedMatrix] {
  var writer = GGUFWriter()
  for (i, matrix) in matrices.enumerated() {
    try writer.addTensor(
      "m\(i)", dimensions: [matrix.columns, matrix.rows], type: matrix.type, bytes: matrix.bytes)
  }
  let file = try GGUFFile(bytes: writer.encoded())
  return try WeightArena.load(file.tensors, from: file, table: set.table(), threads: threads) {
    (_) throws(KingletError) in
  }
}

extension FloatMatrix {
  /// A matrix of these rows, `[rows, columns]`.
  convenience init(_ values: [Float], rows: Int) throws {
    self.init(columns: values.count / rows)
    try resize(rows: rows)
    for i in 0..<rows {
      for j in 0..<columns { row(i)[j] = values[i * columns + j] }
    }
  }

  /// All rows, `[rows, columns]`.
  var values: [Float] { (0..<rows).flatMap { i in (0..<columns).map { row(i)[$0] } } }

  func values(row index: Int) -> [Float] { (0..<columns).map { row(index)[$0] } }
}

/// Products of rows with matrices in double precision.
enum Reference {
  /// The scales that int8 rounding gives a row, one for sixteen columns: of eleven bits, rounded up.
  static func scales(_ x: ArraySlice<Float>) -> [Double] {
    stride(from: x.startIndex, to: x.endIndex, by: 16).map { first in
      let exact = (x[first..<first + 16].map(abs).max() ?? 0) * (1 / 127)
      return Double(Float(bitPattern: (exact.bitPattern + 0x1FFF) & ~0x1FFF))
    }
  }

  /// What int8 rounding makes of a row: ties go to the even quant.
  static func rounded(_ x: ArraySlice<Float>) -> [Double] {
    zip(x, scales(x).flatMap { Array(repeating: Float($0), count: 16) }).map { value, scale in
      Double((value * (scale > 1e-32 ? 1 / scale : 0)).rounded(.toNearestOrEven)) * Double(scale)
    }
  }

  /// The standard deviations of the errors that rounding makes: those of numbers evenly spread over one step.
  static func roundingDeviations(_ x: ArraySlice<Float>) -> [Double] {
    stride(from: x.startIndex, to: x.endIndex, by: 16).flatMap { first in
      let largest = x[first..<first + 16].map(abs).max() ?? 0
      return Array(repeating: Double(largest) / 127 / 12.0.squareRoot(), count: 16)
    }
  }

  /// A sum of products, and the sum of their sizes, by which rounding errors are measured.
  struct Sum {
    var value = 0.0
    var size = 0.0
    /// What integer sums that are not converted may cost besides.
    var shiftError = 0.0
  }

  /// `[tokens, rows]` for `x` of `[tokens, columns]`.
  ///
  /// - Parameter set: Whose table multiplies: that for AVX-512 does not convert integer sums.
  static func product(_ matrix: RandomMatrix, _ x: [Float], rounding: Bool, by set: InstructionSet) -> [Sum] {
    stride(from: 0, to: x.count, by: matrix.columns).flatMap { first in
      let token = x[first..<first + matrix.columns]
      let values = rounding ? rounded(token) : token.map(Double.init)
      let scales = rounding && set == .avx512 ? scales(token) : nil
      return (0..<matrix.rows).map { row in
        let error = scales.map { matrix.shiftError(row: row, scales: $0) } ?? 0
        return zip(matrix.row(row), values).reduce(into: Sum(shiftError: error)) { sum, pair in
          let term = Double(pair.0) * pair.1
          sum.value += term
          sum.size += abs(term)
        }
      }
    }
  }
}

/// Whether activations meet a matrix of this type as int8.
func rounds(_ type: QuantType, _ options: ComputeOptions) -> Bool {
  options.activations == .int8 && QuantType.multipliable.contains(type)
}

/// The largest error of `actual` in units of the sums' sizes.
func largestError(_ actual: [Float], _ expected: [Reference.Sum]) -> Double {
  guard actual.count == expected.count else { return .infinity }
  return zip(actual, expected).reduce(0) { worst, pair in
    let error = (abs(Double(pair.0) - pair.1.value) - pair.1.shiftError) / max(pair.1.size, 1e-30)
    return error.isNaN ? .infinity : max(worst, error)
  }
}

/// How many elements of two arrays are not the same bits; all of them when the lengths differ.
func differing(_ a: [Float], _ b: [Float]) -> Int {
  a.count == b.count ? zip(a, b).count { $0.bitPattern != $1.bitPattern } : max(a.count, b.count)
}

/// A way to compute.
struct ComputeCase: Sendable, CustomTestStringConvertible {
  let set: InstructionSet
  let activations: ComputeOptions.ActivationType
  let matmul: ComputeOptions.Matmul
  var testDescription: String { "\(set), \(activations), \(matmul)" }

  static let all: [ComputeCase] = InstructionSet.tested.flatMap { set in
    ComputeOptions.ActivationType.allCases.flatMap { activations in
      ComputeOptions.Matmul.allCases.map { ComputeCase(set: set, activations: activations, matmul: $0) }
    }
  }

  /// Those whose results are the same bits for every batch and thread count.
  static let invariant: [ComputeCase] = all.filter { $0.matmul == .simd }

  func options(threads: Int) -> ComputeOptions {
    ComputeOptions(threads: threads, activations: activations, matmul: matmul)
  }

  func compute(threads: Int = 2) throws -> Compute {
    try Compute(options: options(threads: threads), table: set.table())
  }
}
