import KingletAdapters
import KingletTensors
import KingletTransformer

/// What adapters add to the rows of one tensor.
struct RowSum: Sendable {
  fileprivate struct Part: Sendable {
    /// `[rows, rank]`.
    let left: [Float]
    /// `[rank, columns]`.
    let right: [Float]
    let rank: Int
    let scale: Double
    let strength: Double
    let magnitude: [Float]?
    /// Rows that take the place of the tensor's, in which case there is nothing else.
    var replacement: [Float]?
  }

  private let parts: [Part]

  /// The same for `RowConversion`.
  var rowChange: RowConversion.RowChange { { row, values in add(to: values, row: row) } }

  /// Nil when no adapter changes the tensor of this name.
  init?(of name: String, _ updates: [(update: AdapterUpdate, strength: Float)], _ base: AdapterBase) {
    var parts: [Part] = []
    for (update, strength) in updates where update.changedTensors.contains(name) {
      let u = base.arranged(update, as: .stored)
      if let values = name.hasSuffix(".bias") ? u.bias : u.replacement {
        parts.append(
          Part(
            left: [], right: [], rank: 0, scale: 1, strength: Double(strength), magnitude: nil, replacement: values))
        continue
      }
      // An embedding's A has a column for each token, which is a row of the tensor.
      let isOfEmbedding = name == "token_embd.weight"
      parts.append(
        Part(
          left: isOfEmbedding ? transposed(u.a, rows: u.rank, columns: u.rows) : u.b,
          right: isOfEmbedding ? transposed(u.b, rows: u.columns, columns: u.rank) : u.a,
          rank: u.rank, scale: Double(u.scale), strength: Double(strength), magnitude: u.magnitude))
    }
    guard !parts.isEmpty else { return nil }
    self.parts = parts
  }

  /// `W + strength scale B A` of each, or for weight-decomposed ones `W + strength (m (W + scale B A) / |W + scale B A| - W)`.
  func add(to values: UnsafeMutableBufferPointer<Float>, row: Int) {
    let weights = values.map(Double.init)
    var sum = weights
    var change = [Double](repeating: 0, count: weights.count)
    for part in parts {
      if let replacement = part.replacement {
        for column in sum.indices {
          sum[column] += part.strength * (Double(replacement[row * sum.count + column]) - weights[column])
        }
        continue
      }
      for column in change.indices { change[column] = 0 }
      part.multiply(row, into: &change)
      guard let magnitude = part.magnitude else {
        for column in sum.indices { sum[column] += part.strength * change[column] }
        continue
      }
      var squares = 0.0
      for column in change.indices {
        change[column] += weights[column]
        squares += change[column] * change[column]
      }
      let factor = squares > 0 ? Double(magnitude[row]) / squares.squareRoot() : 1
      for column in sum.indices { sum[column] += part.strength * (factor * change[column] - weights[column]) }
    }
    for column in sum.indices { values[column] = Float(sum[column]) }
  }
}

extension RowSum.Part {
  /// Adds `scale B A` of one row.
  fileprivate func multiply(_ row: Int, into change: inout [Double]) {
    let columns = change.count
    right.withUnsafeBufferPointer { right in
      change.withUnsafeMutableBufferPointer { change in
        for k in 0..<rank {
          let factor = scale * Double(left[row * rank + k])
          for column in 0..<columns { change[column] += factor * Double(right[k * columns + column]) }
        }
      }
    }
  }
}

extension AdapterUpdate {
  /// The tensors that it changes.
  var changedTensors: [String] {
    (rank > 0 || replacement != nil ? ["\(tensor).weight"] : []) + (bias == nil ? [] : ["\(tensor).bias"])
  }
}
