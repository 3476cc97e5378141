/// The arguments of `KernelTable.endProducts`: what becomes of the products of some rows of a matrix with some tokens.
///
///     y = products (+ bias)
///     out = activation(y), or out + y where products are added to a residual
public struct ProductEnding {
  /// `[tokenCount, count]`, `outStride` floats from one token to the next.
  public let out: UnsafeMutablePointer<Float>
  public let outStride: Int
  /// `[tokenCount, count]`; may be `out`.
  public let products: UnsafePointer<Float>
  public let productStride: Int
  public let tokenCount: Int
  public let count: Int
  /// One number for each row of the matrix; nil for none.
  public let bias: UnsafePointer<Float>?
  public let use: Use

  /// Where the products go.
  public enum Use {
    case replace
    case activate(Activation)
    case add
  }

  public init(
    out: UnsafeMutablePointer<Float>, outStride: Int, products: UnsafePointer<Float>, productStride: Int,
    tokenCount: Int, count: Int, bias: UnsafePointer<Float>?, use: Use
  ) {
    self.out = out
    self.outStride = outStride
    self.products = products
    self.productStride = productStride
    self.tokenCount = tokenCount
    self.count = count
    self.bias = bias
    self.use = use
  }
}
