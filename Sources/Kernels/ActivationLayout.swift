/// Activations rounded to int8, as the matrix kernels read them.
///
/// Tokens stand in tiles of 8, 4, 2 and 1; within a tile, 32 columns of all its tokens make one record, so that a kernel
/// walks a single pointer and finds every token at a constant offset. For a tile of T tokens:
///
///      0        32T         40T                48T       52T       56T         64T
///      | int8 q | scale x 2 | pair sums x 2    | S       | C       | shift x 2 |
///
/// Each 16 columns share a scale, `x = scale * q`. A pair sum is the sums of q over the first and the last eight of the
/// sixteen columns, as two int16: the kernels of types with a zero point multiply them by it. S is the float sum of
/// `scale * q` over the 32 columns, for types with an offset.
///
/// A shift is `-12582912 * scale`, and C is the sum of both. They spare kernels the conversion of integer sums: a sum i
/// below 2^22, on top of the bits of 12582912 (1.5 * 2^23, whose last bit is worth 1), is the bits of the float
/// 12582912 + i, of which `fma(that, scale, shift)` makes i * scale. Where both halves share a scale of the weights, sums
/// i and j of the two make `fma(12582912 + j, scale 1, fma(12582912 + i, scale 0, C))`: two operations for four. In between
/// stands a number as large as the shift of scale 1, so the result is off by up to 0.75 of that scale, times that of the
/// weights: little beside what rounding 32 activations, by up to half a scale each, has already cost (0.5 % of its
/// variance). Scales have 11 bits, so that shifts are exact, and C where no scale is a thousand times the other.
/// Of activations of 3e33 and more, whose shifts are infinite, products are infinite or no numbers.
///
/// One scale per 16 columns rather than 32: measured on SmolLM2 Q4_1, the summed loss drifts from the float result by
/// 0.05 % instead of 0.48 %.
public enum ActivationLayout {
  /// Columns of a record.
  public static let columns = 32
  /// Columns that share a scale.
  public static let scaleColumns = 16
  /// Sixteen values of a smaller scale are rounded to zero: its inverse would overflow.
  @inlinable @inline(__always) public static var smallest: Float { 1e-32 }
  /// 1.5 * 2^23: integers up to 2^22 can be added to its bits.
  @inlinable @inline(__always) public static var integerBase: Float { 12_582_912 }
  /// The bits of a scale that are zero: 13 of 24.
  @inlinable @inline(__always) public static var scaleTail: UInt32 { 0x1FFF }
  /// The most tokens in a tile.
  public static let maximumWidth = 8

  /// The scale of sixteen values: rounded up, so that none is beyond 127 of it.
  @inlinable @inline(__always) public static func scale(largest: Float) -> Float {
    Float(bitPattern: ((largest * (1 / 127)).bitPattern &+ scaleTail) & ~scaleTail)
  }

  /// Bytes of one token's share of a row of `columns` columns (a multiple of 32).
  public static func byteCount(columns: Int) -> Int { columns / 32 * 64 }

  /// Width of the tile that begins at token `first` of `count`: 8 as long as they last, then 4, 2, 1.
  public static func tileWidth(at first: Int, of count: Int) -> Int {
    let left = count - first
    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1
  }

  /// Where in the buffer the tile of token `first` begins: tiles of all widths follow each other without gaps.
  public static func tileOffset(at first: Int, columns: Int) -> Int { first * byteCount(columns: columns) }

  static func scaleOffset(_ width: Int, _ slot: Int) -> Int { 32 * width + 8 * slot }
  static func pairSumOffset(_ width: Int, _ slot: Int) -> Int { 40 * width + 8 * slot }
  static func sumOffset(_ width: Int, _ slot: Int) -> Int { 48 * width + 4 * slot }
  static func bothShiftsOffset(_ width: Int, _ slot: Int) -> Int { 52 * width + 4 * slot }
  static func shiftOffset(_ width: Int, _ slot: Int) -> Int { 56 * width + 8 * slot }
}
