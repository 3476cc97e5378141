/// How a model computes.
public struct ComputeOptions: Sendable, Equatable {
  /// How activations meet quantised weights.
  public enum ActivationType: String, Sendable, CaseIterable {
    /// Rounded to 8 bits with a scale for each 16 columns: fast.
    case int8
    /// As floats, on exactly dequantised weights: slow, for comparisons.
    case f32
  }

  /// Who multiplies float matrices.
  public enum Matmul: String, Sendable, CaseIterable {
    /// OpenBLAS for products of several tokens with matrices of at least 64 rows and columns, own kernels for the rest.
    case auto
    /// OpenBLAS for all products of several tokens.
    case blas
    /// Own kernels only: the same bits for every batch size and thread count also with float weights.
    case simd
  }

  /// Whether this build has a matrix library for float weights.
  public static var hasBLAS: Bool { BLAS.isAvailable }

  /// What that library says of its version and of the processor it computes for; nil without one.
  public static var blasConfiguration: String? { BLAS.configuration }

  /// How to get faster products from the float matrix library; nil where it does what it can.
  public static var blasAdvice: String? { BLAS.advice }

  /// Threads, the caller's among them; nil for all cores this process may use.
  public var threads: Int?
  public var activations: ActivationType
  public var matmul: Matmul

  public init(threads: Int? = nil, activations: ActivationType = .int8, matmul: Matmul = .auto) {
    self.threads = threads
    self.activations = activations
    self.matmul = matmul
  }
}
