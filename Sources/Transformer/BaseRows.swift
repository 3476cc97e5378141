import KingletErrors
import KingletQuants

/// Some rows of the weights that an adapter was trained on, of which its file has a copy.
///
/// Rows from all over a matrix tell the weights of one model from those of another; all rows of an embedding would take
/// longer to compare than the adapter takes to load.
public struct BaseRows: Sendable {
  /// Of the whole matrix.
  let rows: Int
  let columns: Int
  private let samples: [(row: Int, values: [Float])]

  private static let largestSampleCount = 256

  /// Takes samples of a matrix of this size.
  ///
  /// - Parameter row: The values of a row, by its number.
  /// - Throws: What `row` throws.
  public init(
    rows: Int, columns: Int, _ row: (Int) throws(KingletError) -> [Float]
  ) throws(KingletError) {
    let count = min(rows, Self.largestSampleCount)
    var samples: [(row: Int, values: [Float])] = []
    for i in 0..<count {
      // From the first to the last.
      let number = i * (rows - 1) / max(1, count - 1)
      samples.append((number, try row(number)))
    }
    (self.rows, self.columns, self.samples) = (rows, columns, samples)
  }

  /// The number of a row that is not the same in a model, up to rounding; nil if all are.
  ///
  /// What may differ is what rounding to the model's type may cost, or to brain floats, which adapters are often saved in:
  /// its part of the length of a row, or of a row of average length where it is a short one.
  ///
  /// - Parameters:
  ///   - type: How the model has its weights.
  ///   - row: The model's values of a row; nil if they cannot be read.
  func firstDifference(to type: QuantType, _ row: (Int) -> [Float]?) -> Int? {
    let bits = 8 * type.blockByteCount / type.blockSize
    let tolerance = min(1, max(0x1p-7, Double(sign: .plus, exponent: -bits, significand: 8)))
    let lengths = samples.map { squareSum($0.values) }
    let average = lengths.reduce(0, +) / Double(max(1, lengths.count))
    for (sample, length) in zip(samples, lengths) {
      guard let values = row(sample.row) else { continue }
      let difference = squareSum(zip(sample.values, values).map { $0 - $1 })
      // As what is not finite must not pass.
      if !(difference <= tolerance * tolerance * max(length, average)) { return sample.row }
    }
    return nil
  }
}

private func squareSum(_ values: [Float]) -> Double { values.reduce(0) { $0 + Double($1) * Double($1) } }

extension AdapterUpdate {
  /// Whether the weights of a model are those that the adapter was trained on, as far as its file tells.
  ///
  /// - Throws: `.invalidArgument`, naming both sides or a row, when they are not.
  package func checkBase(
    rows count: Int, columns width: Int, type: QuantType, _ row: (Int) -> [Float]?
  ) throws(KingletError) {
    guard let base else { return }
    func wrong(_ message: String) -> KingletError {
      KingletError(
        .invalidArgument, message, at: tensor,
        remedy: "Use the adapter with the base model it was trained on, or merge it into that.")
    }
    guard base.rows == count, base.columns == width else {
      throw wrong(
        "the adapter was trained on \(base.rows) x \(base.columns) weights, the model has \(count) x \(width)")
    }
    if let row = base.firstDifference(to: type, row) {
      throw wrong(
        "the weights that the adapter was trained on, a copy of which it has (base_layer), are not those of the model: "
          + "row \(row) differs by more than rounding")
    }
  }
}
