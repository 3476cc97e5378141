import KingletQuants

/// How a type packs its 6-bit scales: read into bytes when a panel is made, written back when it is unpacked.
///
/// Signed scales, stored with 32 added, become signed bytes.
public enum SixBitCoding: Sendable, Equatable {
  /// Eight scales, then eight minima, in 12 bytes: Q4_K and Q5_K.
  case q4_K
  /// Sixteen signed scales in 12 bytes.
  case q3_K
  /// Eight signed scales in 6 bytes.
  case iq4_XS

  /// Scales, and so bytes when widened.
  var count: Int { self == .iq4_XS ? 8 : 16 }

  /// Writes each scale as a byte, `step` bytes apart.
  func widen(_ packed: UnsafeRawPointer, into out: UnsafeMutableRawPointer, step: Int) {
    let bytes = packed.assumingMemoryBound(to: UInt8.self)
    for i in 0..<count {
      let scale =
        switch self {
        case .q4_K: i < 8 ? SixBitScales(bytes: bytes).scale(i) : SixBitScales(bytes: bytes).minimum(i - 8)
        case .q3_K: BlockQ3_K.groupScale(bytes, i)
        case .iq4_XS: BlockIQ4_XS.groupScale(bytes, i)
        }
      out.storeBytes(of: UInt8(truncatingIfNeeded: scale), toByteOffset: i * step, as: UInt8.self)
    }
  }

  /// The inverse of `widen`.
  func narrow(_ bytes: UnsafeRawPointer, step: Int, into packed: UnsafeMutableRawPointer) {
    let out = packed.assumingMemoryBound(to: UInt8.self)
    for i in 0..<(self == .iq4_XS ? 6 : 12) { out[i] = 0 }
    for i in 0..<count {
      let byte = bytes.load(fromByteOffset: i * step, as: UInt8.self)
      let scale = (self == .q4_K ? byte : byte &+ 32) & 63
      let (low, high) = place(of: i)
      out[low.index] |= (scale & 15) << low.shift
      out[high.index] |= (scale >> 4) << high.shift
    }
  }

  /// Where the four low and the two high bits of scale `i` lie.
  private func place(of i: Int) -> (low: (index: Int, shift: UInt8), high: (index: Int, shift: UInt8)) {
    switch self {
    case .q4_K:
      // The first four of each kind are whole: their upper bits follow the lower ones in the same byte.
      if i % 8 < 4 { return ((i % 8 + i / 8 * 4, 0), (i % 8 + i / 8 * 4, 4)) }
      return ((i % 8 + 4, i < 8 ? 0 : 4), (i % 8 - 4 + i / 8 * 4, 6))
    case .q3_K: return ((i % 8, i < 8 ? 0 : 4), (8 + i % 4, UInt8(i / 4 * 2)))
    case .iq4_XS: return ((2 + i / 2, UInt8(i % 2 * 4)), (i / 4, UInt8(i % 4 * 2)))
    }
  }
}
