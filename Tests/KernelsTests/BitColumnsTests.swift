import KingletTestSupport
import Testing

@testable import KingletKernels

@Suite("Sorted bit planes") struct BitColumnsTests {
  @Test("Bit 4j + c of a plane becomes bit j of byte c")
  func places() {
    for j in 0..<8 {
      for c in 0..<4 { #expect(BitColumns.sorted(1 << UInt32(4 * j + c)) == 1 << UInt32(8 * c + j), "\(j), \(c)") }
    }
  }

  @Test("Restoring is the inverse")
  func inverse() {
    var random = SeededRandom(51)
    for plane in [0, .max] + (0..<1000).map({ _ in UInt32.random(in: 0...(.max), using: &random) }) {
      #expect(BitColumns.restored(BitColumns.sorted(plane)) == plane)
    }
  }
}
