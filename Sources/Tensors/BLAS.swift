import KingletKernels

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

  /// What the library computes for, where it does not know a processor that has AVX2: kernels of twenty years ago, which
  /// reach a fourth of what newer ones do (OpenBLAS 0.3.21 on an Emerald Rapids: 60 of 260 GFLOP/s).
  static func isOutdated(_ target: String, features: [String]) -> Bool {
    let modern = ["haswell", "excavator", "zen", "skylakex", "cooperlake", "sapphirerapids"]
    return features.contains("avx2") && !modern.contains(target.lowercased())
  }

  /// How to get faster products from the library; nil where it does what it can.
  static var advice: String? {
    #if canImport(CBLAS) && arch(x86_64)
      guard let target = openblas_get_corename().map({ String(cString: $0) }),
        isOutdated(target, features: ProcessorFeatures.names)
      else { return nil }
      let better = ProcessorFeatures.names.contains("avx512f") ? "SkylakeX" : "Haswell"
      return "does not know this processor and computes for \(target): OPENBLAS_CORETYPE=\(better) is faster"
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
