import KingletKernels

/// A normalisation of rows, with its parameters.
public struct Norm: Sendable {
  public enum Kind: Sendable {
    /// By the root of the mean square (Zhang and Sennrich 2019).
    case rms
    /// By mean and variance (Ba et al. 2016).
    case layer
  }

  public let kind: Kind
  public let weight: FloatVector
  /// Of layer norms only; nil for zero.
  public let bias: FloatVector?
  public let epsilon: Float

  public init(_ kind: Kind, weight: FloatVector, bias: FloatVector? = nil, epsilon: Float) {
    self.kind = kind
    self.weight = weight
    self.bias = bias
    self.epsilon = epsilon
  }

  func fits(columns: Int) -> Bool { weight.count == columns && bias.map { $0.count == columns } ?? true }
}

/// A norm as tasks see it: numbers and addresses, so that they count no references.
struct NormTask {
  private let kind: Norm.Kind
  private let weight: UnsafePointer<Float>
  private let bias: UnsafePointer<Float>?
  private let epsilon: Float

  /// - Parameter norm: outlives this.
  init(_ norm: Norm) {
    kind = norm.kind
    weight = norm.weight.base
    bias = norm.bias?.base
    epsilon = norm.epsilon
  }

  /// `out = norm(x)` of `count` elements, as many as the norm has weights; in place allowed.
  func apply(
    _ x: UnsafePointer<Float>, _ count: Int, to out: UnsafeMutablePointer<Float>, _ table: KernelTable
  ) {
    switch kind {
    case .rms: table.rmsNorm(x, weight, epsilon, count, out)
    case .layer: table.layerNorm(x, weight, bias, epsilon, count, out)
    }
  }
}
