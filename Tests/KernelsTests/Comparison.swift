/// The largest |actual - expected|; NaN and differing lengths are infinitely wrong.
func largestDifference(_ actual: [Float], _ expected: [Double]) -> Double {
  guard actual.count == expected.count else { return .infinity }
  return zip(actual, expected).reduce(0) { worst, pair in
    let difference = abs(Double(pair.0) - pair.1)
    return difference.isNaN ? .infinity : max(worst, difference)
  }
}

/// The largest |actual - expected| / |expected|.
func relativeError(_ actual: [Float], _ expected: [Double]) -> Double {
  guard actual.count == expected.count else { return .infinity }
  return zip(actual, expected).reduce(0) { worst, pair in
    let difference = abs(Double(pair.0) - pair.1) / max(abs(pair.1), 1e-300)
    return difference.isNaN ? .infinity : max(worst, difference)
  }
}
