// The two halves of a low-rank update (LoRA, Hu et al. 2021) of a product W x: A x, which is as short as the rank, and
// B (A x), which is added to the product. A's rows are long and few: sums run along columns, so that no lane is left empty
// by a small rank, and four rows lie side by side, 16 columns at a time, so that they are read as one stream:
//
//      panel 0                                                    panel 1
//      | a k0: c0 … c15 | k1: c0 … c15 | k2 … | k3 … | k0: c16 …  | a k4: c0 … c15 | …
//
// Columns and rows that are missing from a whole panel are zeros. B lies in panels of 16 rows, column by column, as float
// weights do, so that sums have the order of the outputs they are added to:
//
//      panel 0                                    panel 1
//      | b r0 … r15  | b r0 … r15  | …            | b r16 … r31 | …
//      | rank 0      | rank 1      |

/// What the numbers of a low-rank factor are kept as.
public enum FactorPrecision: Sendable {
  case single
  case half

  public var byteCount: Int { self == .single ? 4 : 2 }
}

/// The arguments of `KernelTable.projectLowRank`: `out = strength * (A x)` of some tokens.
public struct LowRankProjection {
  /// Panels of four rows, `[columns / 16][4][16]` each; see above.
  public let a: UnsafeRawPointer
  public let precision: FactorPrecision
  public let rank: Int
  public let columns: Int
  /// `[tokenCount, columns]`.
  public let x: UnsafePointer<Float>
  public let xStride: Int
  public let tokenCount: Int
  public let strength: Float
  /// `[tokenCount, rank]`.
  public let out: UnsafeMutablePointer<Float>
  public let outStride: Int

  /// Rows of a panel of A.
  public static let panelRows = 4
  /// Columns of a row that lie together.
  public static let panelColumns = 16

  public init(
    a: UnsafeRawPointer, precision: FactorPrecision, rank: Int, columns: Int, x: UnsafePointer<Float>, xStride: Int,
    tokenCount: Int, strength: Float, out: UnsafeMutablePointer<Float>, outStride: Int
  ) {
    self.a = a
    self.precision = precision
    self.rank = rank
    self.columns = columns
    self.x = x
    self.xStride = xStride
    self.tokenCount = tokenCount
    self.strength = strength
    self.out = out
    self.outStride = outStride
  }
}

extension LowRankProjection {
  /// Numbers of a panel of A.
  public static func panelCount(columns: Int) -> Int {
    (columns + panelColumns - 1) / panelColumns * panelColumns * panelRows
  }

  /// The bytes of A.
  public var aBytes: UnsafeRawBufferPointer {
    let panels = (rank + Self.panelRows - 1) / Self.panelRows
    return UnsafeRawBufferPointer(
      start: a, count: panels * Self.panelCount(columns: columns) * precision.byteCount)
  }

  /// Calls `body` with the same for each panel of A alone.
  public func forEachPanel(_ body: (LowRankProjection) -> Void) {
    let panelByteCount = Self.panelCount(columns: columns) * precision.byteCount
    for first in stride(from: 0, to: rank, by: Self.panelRows) {
      body(
        LowRankProjection(
          a: a + first / Self.panelRows * panelByteCount, precision: precision,
          rank: min(Self.panelRows, rank - first), columns: columns, x: x, xStride: xStride, tokenCount: tokenCount,
          strength: strength, out: out + first, outStride: outStride))
    }
  }
}

/// The arguments of `KernelTable.addLowRank`: `out = out * factors + B low` of some rows and tokens.
public struct LowRankAddition {
  /// Panels of 16 rows, `[rank][16]` each; see above. Behind the last one is memory that may be read as another row.
  public let b: UnsafeRawPointer
  public let precision: FactorPrecision
  public let rank: Int
  /// The rows of B that are added, `firstRow ..< firstRow + rowCount`.
  public let firstRow: Int
  public let rowCount: Int
  /// `[tokenCount, rank]`.
  public let low: UnsafePointer<Float>
  public let lowStride: Int
  public let tokenCount: Int
  /// `[rowCount]`, what the outputs are multiplied by before; nil for nothing.
  public let factors: UnsafePointer<Float>?
  /// `[tokenCount, rowCount]`.
  public let out: UnsafeMutablePointer<Float>
  public let outStride: Int

  /// Rows of a panel of B.
  public static let panelRows = 16

  public init(
    b: UnsafeRawPointer, precision: FactorPrecision, rank: Int, firstRow: Int, rowCount: Int,
    low: UnsafePointer<Float>, lowStride: Int, tokenCount: Int, factors: UnsafePointer<Float>?,
    out: UnsafeMutablePointer<Float>, outStride: Int
  ) {
    self.b = b
    self.precision = precision
    self.rank = rank
    self.firstRow = firstRow
    self.rowCount = rowCount
    self.low = low
    self.lowStride = lowStride
    self.tokenCount = tokenCount
    self.factors = factors
    self.out = out
    self.outStride = outStride
  }
}
