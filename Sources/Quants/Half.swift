/// A half-precision number (IEEE 754 binary16) as its two little-endian bytes.
///
/// Made of bytes so that blocks holding it need no alignment, and converted with integer arithmetic: `Float16` does not
/// exist on Intel Macs, and on x86-64 without F16C each of its conversions is a library call.
@frozen public struct Half: BitwiseCopyable, Sendable {
  public var low: UInt8
  public var high: UInt8

  @inlinable @inline(__always)
  public init(bits: UInt16) {
    low = UInt8(truncatingIfNeeded: bits)
    high = UInt8(truncatingIfNeeded: bits &>> 8)
  }

  /// `value` rounded to the nearest half, ties to even; infinite when beyond 65,504 and the rounding.
  @inlinable @inline(__always)
  public init(_ value: Float) {
    self.init(bits: Half.bits(rounding: value))
  }

  @inlinable @inline(__always)
  public var bits: UInt16 { UInt16(low) | UInt16(high) &<< 8 }

  /// The same value in single precision; exact for all 65,536 patterns (NaN stays NaN).
  @inlinable @inline(__always)
  public var float: Float {
    let sign = UInt32(bits & 0x8000) &<< 16
    let magnitude = UInt32(bits & 0x7fff) &<< 13
    // Moved to single precision's place, the exponent is short by the difference of the biases, 127 - 15 = 112; infinity
    // and NaN are short by as much again. A subnormal is what its bits add to the smallest normal number. The three
    // cases are selected, not branched to, which lets loops be vectorised.
    let rebias: UInt32 = 112 &<< 23
    let special: UInt32 = magnitude >= 0x1f &<< 23 ? rebias : 0
    let normal = magnitude &+ rebias &+ special
    let smallest: UInt32 = 113 &<< 23
    let subnormal = (Float(bitPattern: magnitude &+ smallest) - Float(bitPattern: smallest)).bitPattern
    return Float(bitPattern: sign | (magnitude < 1 &<< 23 ? subnormal : normal))
  }

  @usableFromInline @inline(__always)
  static func bits(rounding value: Float) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: value.bitPattern &>> 16) & 0x8000
    let magnitude = value.bitPattern & 0x7fff_ffff
    if magnitude > 0x7f80_0000 { return sign | 0x7e00 }
    // 65,520 is half-way between the largest half and the next power of two.
    if magnitude >= 0x477f_f000 { return sign | 0x7c00 }
    // Below 2^-14 halves are evenly spaced by 2^-24: adding 0.5, whose last bit is worth 2^-24, rounds to that grid.
    if magnitude < 113 &<< 23 {
      let aligned = Float(bitPattern: magnitude) + 0.5
      return sign | UInt16(truncatingIfNeeded: aligned.bitPattern &- Float(0.5).bitPattern)
    }
    let isOdd = (magnitude &>> 13) & 1
    let rounded = (magnitude &- (112 &<< 23) &+ 0xfff &+ isOdd) &>> 13
    return sign | UInt16(truncatingIfNeeded: rounded)
  }
}

/// A bfloat16 number, the upper half of a single-precision one, as its two little-endian bytes.
@frozen public struct BrainFloat: BitwiseCopyable, Sendable {
  public var low: UInt8
  public var high: UInt8

  @inlinable @inline(__always)
  public init(bits: UInt16) {
    low = UInt8(truncatingIfNeeded: bits)
    high = UInt8(truncatingIfNeeded: bits &>> 8)
  }

  @inlinable @inline(__always)
  public var bits: UInt16 { UInt16(low) | UInt16(high) &<< 8 }

  /// The same value in single precision, exactly.
  @inlinable @inline(__always)
  public var float: Float { Float(bitPattern: UInt32(bits) &<< 16) }
}

extension BrainFloat {
  /// `value` rounded to the nearest, ties to even; NaN stays NaN.
  @inlinable @inline(__always)
  public init(_ value: Float) {
    let bits = value.bitPattern
    let rounded = (bits &+ 0x7fff &+ (bits &>> 16 & 1)) &>> 16
    self.init(bits: UInt16(truncatingIfNeeded: value.isNaN ? bits &>> 16 | 0x40 : rounded))
  }
}
