/// What a matrix kernel multiplies weights by.
///
/// In either form tokens stand in tiles of 8, 4, 2 and 1 (`ActivationLayout.tileWidth`), which follow each other without
/// gaps.
public enum ActivationForm: Sendable {
  /// Rounded to int8, laid out as `ActivationLayout` says.
  case int8
  /// As they are: column c of token t of a tile of T tokens is float `c * T + t`, so that the tokens of a column are
  /// broadcast from one place.
  case float

  /// Bytes of one token's share of a row of `columns` columns.
  public func byteCount(columns: Int) -> Int {
    switch self {
    case .int8: ActivationLayout.byteCount(columns: columns)
    case .float: columns * MemoryLayout<Float>.stride
    }
  }

  /// The reference of `KernelTable.interleave`.
  public static func interleave(
    _ x: UnsafePointer<Float>, _ xStride: Int, _ columns: Int, _ tile: UnsafeMutablePointer<Float>, _ width: Int
  ) {
    for slot in 0..<width {
      let token = x + slot * xStride
      var out = tile + slot
      for column in 0..<columns {
        out.pointee = token[column]
        out += width
      }
    }
  }
}
