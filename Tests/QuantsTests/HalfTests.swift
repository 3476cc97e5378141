import KingletQuants
import Testing

@Suite("Half precision")
struct HalfTests {
  /// The value of a finite pattern, from the definition of binary16; exact in double precision.
  private static func value(_ bits: UInt16) -> Double {
    let exponent = Int(bits >> 10 & 31)
    let fraction = Double(bits & 1023)
    let magnitude =
      exponent == 0
      ? fraction * 0x1p-24 : (1024 + fraction) * Double(sign: .plus, exponent: exponent - 25, significand: 1)
    return bits < 0x8000 ? magnitude : -magnitude
  }

  @Test("Every pattern widens to its exact value")
  func widening() {
    for bits in UInt16.min...UInt16.max {
      let float = Half(bits: bits).float
      switch bits & 0x7fff {
      case 0x7c00: #expect(float == (bits < 0x8000 ? .infinity : -.infinity))
      case 0x7c01...: #expect(float.isNaN)
      default:
        #expect(Double(float) == Self.value(bits))
        #expect(float.sign == (bits < 0x8000 ? .plus : .minus))
      }
    }
  }

  @Test("Rounding is to nearest, ties to even, at and around every midpoint")
  func rounding() {
    for bits in UInt16(0)..<0x7bff {
      let low = Half(bits: bits).float
      let high = Half(bits: bits + 1).float
      let middle = (low + high) / 2
      let even = bits & 1 == 0 ? bits : bits + 1
      #expect(Half(low).bits == bits)
      #expect(Half(middle).bits == even)
      #expect(Half(middle.nextDown).bits == bits)
      #expect(Half(middle.nextUp).bits == bits + 1)
      #expect(Half(-middle).bits == even | 0x8000)
    }
  }

  @Test("Values beyond the largest half become infinite, and NaN stays NaN")
  func extremes() {
    #expect(Half(65_504).bits == 0x7bff)
    #expect(Half(Float(65_520).nextDown).bits == 0x7bff)
    #expect(Half(65_520).bits == 0x7c00)
    #expect(Half(-.greatestFiniteMagnitude).bits == 0xfc00)
    #expect(Half(.infinity).bits == 0x7c00)
    #expect(Half(.nan).float.isNaN)
    #expect(Half(-0.0).bits == 0x8000)
    #expect(Half(.leastNonzeroMagnitude).bits == 0)
  }

  @Test("A bfloat16 number is the upper half of a single-precision one")
  func brainFloat() {
    #expect(BrainFloat(bits: 0x3f80).float == 1)
    #expect(BrainFloat(bits: 0xc2f7).float == -123.5)
    #expect(BrainFloat(bits: 0x7f80).float == .infinity)
    for bits in UInt16.min...UInt16.max { #expect(BrainFloat(bits: bits).float.bitPattern == UInt32(bits) << 16) }
  }
}
