// The two halves of a low-rank update (LoRA, Hu et al. 2021) of a product W x: A x, which is as short as the rank, and
// B (A x), which is added to the product. A lies row by row, as its rows are long and few: sums run along columns, and no
// lane is left empty by a small rank. B lies in panels of 16 rows, column by column, as float weights do:
//
//      panel 0                                    panel 1
//      | b r0 … r15  | b r0 … r15  | …            | b r16 … r31 | …
//      | rank 0      | rank 1      |
//
// so that sums have the order of the outputs they are added to.

/// The arguments of `KernelTable.projectLowRank`: `out = strength * (A x)` of some tokens.
public struct LowRankProjection {
  /// `[rank, columns]`, `aStride` floats from one row to the next.
  public let a: UnsafePointer<Float>
  public let aStride: Int
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

  public init(
    a: UnsafePointer<Float>, aStride: Int, rank: Int, columns: Int, x: UnsafePointer<Float>, xStride: Int,
    tokenCount: Int, strength: Float, out: UnsafeMutablePointer<Float>, outStride: Int
  ) {
    self.a = a
    self.aStride = aStride
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
  /// The same for some rows of A alone.
  public func rows(_ range: Range<Int>) -> LowRankProjection {
    LowRankProjection(
      a: a + range.lowerBound * aStride, aStride: aStride, rank: range.count, columns: columns, x: x, xStride: xStride,
      tokenCount: tokenCount, strength: strength, out: out + range.lowerBound, outStride: outStride)
  }
}

/// The arguments of `KernelTable.addLowRank`: `out = out * factors + B low` of some rows and tokens.
public struct LowRankAddition {
  /// Panels of 16 rows, `[rank][16]` each; see above.
  public let b: UnsafePointer<Float>
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
    b: UnsafePointer<Float>, rank: Int, firstRow: Int, rowCount: Int, low: UnsafePointer<Float>, lowStride: Int,
    tokenCount: Int, factors: UnsafePointer<Float>?, out: UnsafeMutablePointer<Float>, outStride: Int
  ) {
    self.b = b
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
