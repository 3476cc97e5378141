import KingletQuants

/// How a type packs its signed 6-bit scales, which are stored with 32 added: read into bytes when a panel is made, written
/// back when it is unpacked.
public enum SixBitCoding: Sendable, Equatable {
  /// Sixteen scales in 12 bytes.
  case q3_K
  /// Eight scales in 6 bytes.
  case iq4_XS

  /// Scales, and so bytes when widened.
  var count: Int { self == .iq4_XS ? 8 : 16 }

  /// Writes each scale as a byte, `step` bytes apart.
  func widen(_ packed: UnsafeRawPointer, into out: UnsafeMutableRawPointer, step: Int) {
    let bytes = packed.assumingMemoryBound(to: UInt8.self)
    for i in 0..<count {
      let scale =
        switch self {
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
      let scale = (byte &+ 32) & 63
      let (low, high) = place(of: i)
      out[low.index] |= (scale & 15) << low.shift
      out[high.index] |= (scale >> 4) << high.shift
    }
  }

  /// Where the four low and the two high bits of scale `i` lie.
  private func place(of i: Int) -> (low: (index: Int, shift: UInt8), high: (index: Int, shift: UInt8)) {
    switch self {
    case .q3_K: return ((i % 8, i < 8 ? 0 : 4), (8 + i % 4, UInt8(i / 4 * 2)))
    case .iq4_XS: return ((2 + i / 2, UInt8(i % 2 * 4)), (i / 4, UInt8(i % 4 * 2)))
    }
  }
}
