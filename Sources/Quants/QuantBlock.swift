/// The layout of one block of a quantised type, exactly as it lies in a file.
///
/// Every field is made of bytes (`Half`, `Bytes16`, ...), so a block has alignment 1 and no padding, and can be read in
/// place wherever a file puts it. `QuantBlockTests` hold each layout's size to `QuantType.blockByteCount`.
public protocol QuantBlock: BitwiseCopyable, Sendable {
  /// The type whose blocks these are.
  static var type: QuantType { get }

  /// Writes the block's `type.blockSize` values.
  static func dequantize(_ block: UnsafePointer<Self>, into values: UnsafeMutablePointer<Float>)
}

extension UnsafePointer where Pointee: QuantBlock {
  /// The bytes of a field of the block.
  @inlinable @inline(__always)
  public func bytes<Field: BitwiseCopyable>(_ field: KeyPath<Pointee, Field>) -> UnsafePointer<UInt8> {
    // Every field is stored (the alternative is unreachable), and the optimiser folds the offset to a constant.
    UnsafeRawPointer(self).assumingMemoryBound(to: UInt8.self) + (MemoryLayout<Pointee>.offset(of: field) ?? 0)
  }
}

extension UnsafePointer<UInt8> {
  /// The little-endian 16-bit number at a byte offset.
  @inline(__always)
  func uint16(_ offset: Int) -> UInt16 { UInt16(self[offset]) | UInt16(self[offset &+ 1]) &<< 8 }

  /// The little-endian 32-bit number at a byte offset.
  @inline(__always)
  func uint32(_ offset: Int) -> UInt32 { UInt32(uint16(offset)) | UInt32(uint16(offset &+ 2)) &<< 16 }

  /// Nibble `index`, low ones first.
  @inline(__always)
  func nibble(_ index: Int) -> UInt8 { self[index &>> 1] &>> UInt8(truncatingIfNeeded: (index & 1) &* 4) & 15 }
}

// Fixed-length byte fields. (`InlineArray` would say the same in one type, but needs macOS 26 to run.)

/// Four bytes in place.
@frozen public struct Bytes4: BitwiseCopyable, Sendable {
  @usableFromInline var a, b, c, d: UInt8

  /// The bytes as one little-endian number.
  @inlinable @inline(__always)
  public var bits: UInt32 { UInt32(a) | UInt32(b) &<< 8 | UInt32(c) &<< 16 | UInt32(d) &<< 24 }
}

/// Eight bytes in place.
@frozen public struct Bytes8: BitwiseCopyable, Sendable {
  @usableFromInline var a, b: Bytes4
}

/// Twelve bytes in place.
@frozen public struct Bytes12: BitwiseCopyable, Sendable {
  @usableFromInline var a, b, c: Bytes4
}

/// Sixteen bytes in place.
@frozen public struct Bytes16: BitwiseCopyable, Sendable {
  @usableFromInline var a, b, c, d: Bytes4
}

/// Thirty-two bytes in place.
@frozen public struct Bytes32: BitwiseCopyable, Sendable {
  @usableFromInline var a, b: Bytes16
}

/// Sixty-four bytes in place.
@frozen public struct Bytes64: BitwiseCopyable, Sendable {
  @usableFromInline var a, b: Bytes32
}

/// A hundred and twenty-eight bytes in place.
@frozen public struct Bytes128: BitwiseCopyable, Sendable {
  @usableFromInline var a, b: Bytes64
}
