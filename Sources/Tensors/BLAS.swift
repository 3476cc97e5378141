#if canImport(CBLAS)
  import CBLAS
#endif

/// The system's float matrix product.
///
/// It runs on one thread per call, under our own pool, so that two pools never fight for the cores. (On Apple platforms
/// Accelerate would take this place; that is not written yet, and the SIMD kernels do the work.)
enum BLAS {
  #if canImport(CBLAS)
    static let isAvailable: Bool = {
      openblas_set_num_threads(1)
      return true
    }()
  #else
    static let isAvailable = false
  #endif

  /// The library's own account of its version and of the processor it computes for.
  static var configuration: String? {
    #if canImport(CBLAS)
      return openblas_get_config().map { String(cString: $0) }
    #else
      return nil
    #endif
  }

  /// `out[t, r] = sum over c of x[t, c] * weights[r, c]`; strides in floats, `weights` without padding.
  static func multiply(
    weights: UnsafePointer<Float>, rows: Int, columns: Int, x: UnsafePointer<Float>, xStride: Int, tokens: Int,
    out: UnsafeMutablePointer<Float>, outStride: Int
  ) {
    #if canImport(CBLAS)
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasTrans, blasint(tokens), blasint(rows), blasint(columns), 1, x,
        blasint(xStride), weights, blasint(columns), 0, out, blasint(outStride))
    #endif
  }
}
