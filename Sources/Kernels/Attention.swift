import KingletQuants

/// How a page of the KV cache lies in memory: 256 absolute positions of one key/value head.
///
/// Keys come first, in blocks of 16 positions, transposed: dimension d of a block is 16 values, one per position, so a
/// vector of scores needs no horizontal sum. Values follow, a row of `valueStride` per position.
///
///      keys   [16 blocks][headSize][16 positions]
///      values [256 positions][valueStride]
public struct KVPageLayout: Sendable, Equatable {
  /// Positions of a page; also the partition in which attention is summed, so that results do not depend on chunking.
  @inlinable @inline(__always)
  public static var positions: Int { 256 }
  /// Positions of a block of keys.
  @inlinable @inline(__always)
  public static var blockPositions: Int { 16 }

  public let headSize: Int
  /// Whether elements are F16 rather than F32. What overflows a half is stored as the largest one: an infinity would turn
  /// the zero weight of a masked position into NaN.
  public let isHalf: Bool

  public init(headSize: Int, isHalf: Bool) {
    self.headSize = headSize
    self.isHalf = isHalf
  }

  /// Elements of a row of values: the head size rounded up to whole vectors, the rest zero.
  @inlinable @inline(__always)
  public var valueStride: Int { (headSize + 15) / 16 * 16 }
  @inlinable @inline(__always)
  public var elementByteCount: Int { isHalf ? 2 : 4 }
  /// Where the values begin, in bytes.
  @inlinable @inline(__always)
  public var valueOffset: Int { Self.positions * headSize * elementByteCount }
  public var byteCount: Int { valueOffset + Self.positions * valueStride * elementByteCount }
}

/// The arguments of `KernelTable.appendKeyValue`.
public struct KVAppend {
  public let layout: KVPageLayout
  public let page: UnsafeMutableRawPointer
  /// Position within the page.
  public let slot: Int
  public let key: UnsafePointer<Float>
  public let value: UnsafePointer<Float>

  public init(
    layout: KVPageLayout, page: UnsafeMutableRawPointer, slot: Int, key: UnsafePointer<Float>,
    value: UnsafePointer<Float>
  ) {
    self.layout = layout
    self.page = page
    self.slot = slot
    self.key = key
    self.value = value
  }
}

/// The arguments of `KernelTable.attendPage`: `queryCount` scaled queries `[queryCount, headSize]` over one page.
///
/// Query i sees the slots `lower[i] ..< upper[i]`. Its result goes to `out + i * resultStride` as
/// `[output x valueStride][maximum, sum, …]` with the output not yet divided by the sum; a query that sees nothing gets
/// zeros, -infinity and 0.
public struct PageAttention {
  public let layout: KVPageLayout
  public let page: UnsafeRawPointer
  public let queries: UnsafePointer<Float>
  public let queryCount: Int
  public let lower: UnsafePointer<Int32>
  public let upper: UnsafePointer<Int32>
  /// Scratch: `[queryCount, 256]`.
  public let scores: UnsafeMutablePointer<Float>
  public let out: UnsafeMutablePointer<Float>

  /// Floats from one query's result to the next.
  public static func resultStride(_ layout: KVPageLayout) -> Int { layout.valueStride + 16 }

  public init(
    layout: KVPageLayout, page: UnsafeRawPointer, queries: UnsafePointer<Float>, queryCount: Int,
    lower: UnsafePointer<Int32>, upper: UnsafePointer<Int32>, scores: UnsafeMutablePointer<Float>,
    out: UnsafeMutablePointer<Float>
  ) {
    self.layout = layout
    self.page = page
    self.queries = queries
    self.queryCount = queryCount
    self.lower = lower
    self.upper = upper
    self.scores = scores
    self.out = out
  }
}
