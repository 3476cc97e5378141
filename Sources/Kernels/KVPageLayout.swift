/// How keys and values lie in a page.
public enum KVElement: Sendable, CaseIterable {
  case f16
  case f32
  /// Bytes with a half-precision scale for each 32 dimensions.
  case q8_0
}

/// How a page of the KV cache lies in memory: 256 absolute positions of one key/value head.
///
/// Keys come first, in blocks of 16 positions, transposed: dimension d of a block is 16 values, one per position, so a
/// vector of scores needs no horizontal sum. Values follow, a row of `valueStride` per position.
///
///      keys   [16 blocks][headSize][16 positions]
///      values [256 positions][valueStride]
///
/// Q8_0 rounds the head size up to whole groups of 32 dimensions, each with a scale per position. What a multiplication of
/// 16-bit pairs sums, pairs of dimensions in keys and pairs of positions in values, lies side by side:
///
///      keys         [16 blocks][groups][16 pairs of dimensions][16 positions][2]   Int8
///      key scales   [16 blocks][groups][16 positions]                              F16
///      values       [128 pairs of positions][groups x 32 dimensions][2]            Int8
///      value scales [groups][256 positions]                                        F16
public struct KVPageLayout: Sendable, Equatable {
  /// Positions of a page; also the partition in which attention is summed, so that results do not depend on chunking.
  @inlinable @inline(__always)
  public static var positions: Int { 256 }
  /// Positions of a block of keys.
  @inlinable @inline(__always)
  public static var blockPositions: Int { 16 }

  public let headSize: Int
  /// In F16 what overflows is stored as the largest half: an infinity would turn the zero weight of a masked position into
  /// NaN. So are the scales of Q8_0.
  public let type: KVElement

  public init(headSize: Int, type: KVElement) {
    self.headSize = headSize
    self.type = type
  }

  /// Groups of 32 dimensions, the last one filled up with zeros.
  @inlinable @inline(__always)
  public var groups: Int { (headSize + 31) / 32 }

  /// Elements of a row of values: the head size rounded up to whole vectors (Q8_0: groups), the rest zero.
  @inlinable @inline(__always)
  public var valueStride: Int {
    switch type {
    case .f16, .f32: (headSize + 15) / 16 * 16
    case .q8_0: groups * 32
    }
  }

  @inlinable @inline(__always)
  public var elementByteCount: Int {
    switch type {
    case .f32: 4
    case .f16: 2
    case .q8_0: 1
    }
  }

  /// Bytes of the scales of all keys, or of all values.
  @inlinable @inline(__always)
  var scaleByteCount: Int {
    switch type {
    case .f16, .f32: 0
    case .q8_0: Self.positions * groups * 2
    }
  }

  /// Where the scales of keys begin, in bytes; where keys end.
  @inlinable @inline(__always)
  public var keyScaleOffset: Int {
    switch type {
    case .f16, .f32: Self.positions * headSize * elementByteCount
    case .q8_0: Self.positions * valueStride
    }
  }

  /// Where the values begin, in bytes.
  @inlinable @inline(__always)
  public var valueOffset: Int { keyScaleOffset + scaleByteCount }

  /// Where the scales of values begin, in bytes; where values end.
  @inlinable @inline(__always)
  public var valueScaleOffset: Int { valueOffset + Self.positions * valueStride * elementByteCount }

  public var byteCount: Int { valueScaleOffset + scaleByteCount }
}
