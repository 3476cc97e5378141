/// Activations rounded to int8, as the matrix kernels read them.
///
/// Tokens stand in tiles of 8, 4, 2 and 1; within a tile, 32 columns of all its tokens make one record, so that a kernel
/// walks a single pointer and finds every token at a constant offset. For a tile of T tokens:
///
///      0        32T         40T                48T       52T
///      | int8 q | scale x 2 | pair sums x 2    | S       |
///
/// Each 16 columns share a scale, `x = scale * q`. A pair sum is the sums of q over the first and the last eight of the
/// sixteen columns, as two int16: the kernels of types with a zero point multiply them by it. S is the float sum of
/// `scale * q` over the 32 columns, for types with an offset.
///
/// One scale per 16 columns rather than 32: measured on SmolLM2 Q4_1, the summed loss drifts from the float result by
/// 0.05 % instead of 0.48 %.
public enum ActivationLayout {
  /// Columns of a record.
  public static let columns = 32
  /// Columns that share a scale.
  public static let scaleColumns = 16
  /// Sixteen values below this are rounded to zero: the inverse of their scale would overflow.
  public static let smallest: Float = 1e-30
  /// The most tokens in a tile.
  public static let maximumWidth = 8

  /// Bytes of one token's share of a row of `columns` columns (a multiple of 32).
  public static func byteCount(columns: Int) -> Int { columns / 32 * 52 }

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
}
