/// Sees the inputs of matrix products go by, for statistics.
///
/// Called on the thread of the forward pass, before the products. Without an observer, nothing is spent on it.
public protocol ActivationObserver: AnyObject, Sendable {
  /// `activations` are about to be multiplied by each of `matrices`. They are valid during the call.
  func observe(_ activations: Activations, for matrices: [PackedMatrix])
}

extension Activations {
  /// How many rows there are: one for each token.
  public var rowCount: Int { rows }

  /// Adds the squares of each column's values, as they were before any rounding, to `sums`, which has as many columns.
  public func addSquares(to sums: inout [Double]) {
    precondition(sums.count == columns)
    for row in 0..<rows {
      let values = floats + row * stride
      for column in 0..<columns {
        let value = Double(values[column])
        sums[column] += value * value
      }
    }
  }
}
