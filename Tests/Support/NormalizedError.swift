/// Sum of squared differences over sum of squares; infinite where there are not as many numbers.
public func normalizedError(_ actual: [Float], _ expected: [Float]) -> Double {
  guard actual.count == expected.count else { return .infinity }
  var (difference, power) = (0.0, 0.0)
  for (a, e) in zip(actual, expected) {
    difference += (Double(a) - Double(e)) * (Double(a) - Double(e))
    power += Double(e) * Double(e)
  }
  return difference / power
}
