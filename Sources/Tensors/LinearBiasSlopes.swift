#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension FloatVector {
  /// The slopes of attention with linear biases (Press et al. 2022): powers of 2^(-8/n) for the largest power of two n up
  /// to the number of heads, then every other power of the series of 2n for the heads that are left.
  public static func linearBiasSlopes(headCount: Int) -> FloatVector {
    var n = 1
    while n * 2 <= headCount { n *= 2 }
    return FloatVector(
      (0..<headCount).map { head in
        let exponent = head < n ? 8 * Double(head + 1) / Double(n) : 4 * Double(2 * (head - n) + 1) / Double(n)
        return Float(exp2(-exponent))
      })
  }
}
