import KingletErrors

extension AdapterUpdate {
  /// More than no weight may be changed by. Norms square what comes of the weights, in single precision: beyond the root of
  /// the largest number results are infinite, or no numbers.
  static let largestChange = Double(Float.greatestFiniteMagnitude).squareRoot()

  /// What it changes weights and biases by is not above this.
  var changeBound: Double {
    max(
      Double(rank) * abs(Double(scale)) * largest(a) * largest(b), largest(magnitude ?? []), largest(bias ?? []),
      largest(replacement ?? []))
  }

  /// Whether results can be finite when it is applied with this strength.
  ///
  /// - Throws: `.invalidArgument`, naming the tensor, when they cannot.
  package func check(strength: Float) throws(KingletError) {
    let change = abs(Double(strength)) * changeBound
    guard change <= Self.largestChange else {
      throw KingletError(
        .invalidArgument,
        "with a scale of \(scale) and the strength \(strength) it changes weights by up to \(Float(change)), too much "
          + "for finite results in single precision", at: tensor, remedy: "Choose a smaller scale or strength.")
    }
  }
}

private func largest(_ values: [Float]) -> Double { Double(values.reduce(0) { max($0, abs($1)) }) }
