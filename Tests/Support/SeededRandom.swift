/// SplitMix64 (Steele, Lea and Flood 2014): a fixed sequence, so that a failure repeats.
public struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  public init(_ seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  public mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 56) }
  }

  public mutating func float(in range: ClosedRange<Float>) -> Float { .random(in: range, using: &self) }

  /// Roughly normal values (sums of four uniform ones) of the given standard deviation.
  public mutating func floats(_ count: Int, deviation: Float = 1) -> [Float] {
    (0..<count).map { _ in
      let bits = next()
      let sum = (0..<4).reduce(0) { $0 + Int32(truncatingIfNeeded: (bits >> (16 * $1)) & 0xffff) }
      return (Float(sum) / 65536 - 2) * 1.732_050_8 * deviation
    }
  }
}
