import Foundation
import KingletTestSupport
import Testing

@testable import KingletTensors

/// Rotary angles against the formula.
@Suite("Rotary table") struct RotaryTableTests {
  @Test(
    "Cosines and sines of position times frequency",
    arguments: [(64, 10_000.0), (128, 1e6), (80, 500_000), (2, 10_000)],
    [1, 0.125] as [Float])
  func angles(_ rotation: (rotated: Int, base: Double), scale: Float) {
    let half = rotation.rotated / 2
    let divisors = (0..<half).map { $0 % 3 == 0 ? Float(8) : 1 }
    for divisors in [[], divisors] {
      let table = RotaryTable(rotated: rotation.rotated, base: rotation.base, scale: scale, divisors: divisors)
      // Growing in steps must not change what is there.
      for count in [1, 300, 299, 1000] { table.reserve(count) }
      var worst = 0.0
      table.withPointers { cosines, sines in
        for position in 0..<1000 {
          for i in 0..<half {
            let divisor = divisors.isEmpty ? 1 : Double(divisors[i])
            let frequency = pow(rotation.base, -Double(2 * i) / Double(rotation.rotated)) / divisor * Double(scale)
            let angle = Double(position) * frequency
            let at = position * half + i
            // Angles are single-precision products: their error grows with them.
            let allowed = 2e-7 * (1 + angle)
            worst = max(worst, abs(Double(cosines[at]) - cos(angle)) / allowed)
            worst = max(worst, abs(Double(sines[at]) - sin(angle)) / allowed)
          }
        }
      }
      #expect(worst < 1)
    }
  }

  @Test("Missing divisors are 1, superfluous ones ignored")
  func divisors() {
    func cosine(_ divisors: [Float]) -> Float {
      let table = RotaryTable(rotated: 4, base: 100, divisors: divisors)
      table.reserve(2)
      var result: Float = 0
      table.withPointers { cosines, _ in result = cosines[3] }
      return result
    }
    #expect(cosine([]) == cosine([5]))
    #expect(cosine([5, 2]) == cosine([5, 2, 7]))
    #expect(cosine([5, 2]) == Float(cos(Double(Float(0.1) / 2))))
  }
}
