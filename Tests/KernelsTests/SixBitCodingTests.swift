import KingletTestSupport
import Testing

@testable import KingletKernels

/// Packed scales as bytes, and back.
@Suite("Six-bit scales") struct SixBitCodingTests {
  @Test("Every bit pattern comes back, through numbers of six bits")
  func inverse() {
    var random = SeededRandom(3)
    for (coding, packedByteCount) in [(.q3_K, 12), (.iq4_XS, 6)] as [(SixBitCoding, Int)] {
      for bit in 0..<packedByteCount * 8 + 50 {
        var bytes = random.bytes(packedByteCount)
        // Single bits first: each must be found in one scale.
        if bit < packedByteCount * 8 { bytes = (0..<packedByteCount).map { $0 == bit / 8 ? 1 << UInt8(bit % 8) : 0 } }
        let (packed, widened) = (Fenced(bytes), Fenced<UInt8>(repeating: 0xAA, count: coding.count * 3 - 2))
        coding.widen(packed.pointer, into: widened.pointer, step: 3)
        let scales = stride(from: 0, to: widened.values.count, by: 3).map { widened.values[$0] }
        #expect(scales.allSatisfy { (-32...31).contains(Int8(bitPattern: $0)) })
        let back = Fenced<UInt8>(repeating: 0x55, count: packedByteCount)
        coding.narrow(widened.pointer, step: 3, into: back.pointer)
        #expect(back.values == bytes)
      }
    }
  }
}
