import KingletErrors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Cosines and sines of rotary position embeddings (Su et al. 2021) by position, computed once and kept.
///
/// Angles are products of single-precision frequencies and positions, as the reference computes them: at position 1,000
/// the rounding of a frequency already shows in the fifth digit of a logit.
public final class RotaryTable {
  /// Dimensions of a head that are rotated.
  public let rotated: Int
  private let frequencies: [Float]
  private var cosines: [Float] = []
  private var sines: [Float] = []
  private var positions = 0

  /// - Parameters:
  ///   - base: the frequency base, theta.
  ///   - divisors: a factor for each of the `rotated / 2` frequencies to be divided by (llama 3), or empty.
  ///   - scale: what all frequencies are multiplied by (1 / factor in linear scaling).
  public init(rotated: Int, base: Double, scale: Float = 1, divisors: [Float] = []) {
    self.rotated = rotated
    frequencies = (0..<rotated / 2).map { i in
      let frequency = Float(1 / pow(base, Double(2 * i) / Double(rotated)))
      return frequency / (i < divisors.count ? divisors[i] : 1) * scale
    }
  }

  /// Makes sure that positions below `count` are there.
  public func reserve(_ count: Int) {
    guard count > positions else { return }
    // In steps, so that decoding does not come here at every token.
    let end = max(count, positions + 256)
    let half = frequencies.count
    cosines.reserveCapacity(end * half)
    sines.reserveCapacity(end * half)
    for position in positions..<end {
      for frequency in frequencies {
        let angle = Double(Float(position) * frequency)
        cosines.append(Float(cos(angle)))
        sines.append(Float(sin(angle)))
      }
    }
    positions = end
  }

  /// Pointers to the cosines and sines of all positions, `rotated / 2` for each.
  func withPointers<Failure: Error>(
    _ body: (UnsafePointer<Float>, UnsafePointer<Float>) throws(Failure) -> Void
  ) throws(Failure) {
    try cosines.withUnsafeBufferPointer { (c) throws(Failure) in
      try sines.withUnsafeBufferPointer { (s) throws(Failure) in
        guard let c = c.baseAddress, let s = s.baseAddress else { return }
        try body(c, s)
      }
    }
  }
}
