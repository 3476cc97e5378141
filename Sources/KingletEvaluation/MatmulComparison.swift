import KingletErrors
import KingletGGUF
import KingletTensors
import KingletTransformer

/// The products of a model by both paths, the own kernels and the matrix library (OpenBLAS), for each type and shape of
/// its weights: whether `matmul: auto` chooses well on this machine.
///
/// The own kernels take quantised weights as they are, with rounded activations; for the library they are dequantised on
/// the way. Rounding and dequantising are part of the time.
public struct MatmulComparison: Sendable, Equatable, Codable {
  public struct Product: Sendable, Equatable, Codable {
    /// Of the weights: `Q4_K`.
    public let type: String
    public let rows: Int
    public let columns: Int
    public let tokens: Int
    /// Multiplications and additions in a second, over 1e9: median, slowest and fastest.
    public let simdRate: Benchmark.Rate
    /// The same; nil for a single token, which is no business of a matrix library, and in a build without one.
    public let blasRate: Benchmark.Rate?
    /// Bytes of weights that the own kernels read in a second, over 1e9.
    public let simdReadRate: Double
    /// Whether `auto` takes the library.
    public let autoTakesBlas: Bool

    /// Whether the path not taken is less than a twentieth faster, which is less than such measurements can tell.
    public let isAutoRight: Bool

    private enum CodingKeys: String, CodingKey {
      case type, rows, columns, tokens, autoTakesBlas, isAutoRight
      case simdRate = "simd_gop_per_s"
      case blasRate = "blas_gop_per_s"
      case simdReadRate = "simd_read_gb_per_s"
    }
  }

  public let model: String
  public let machine: Machine
  /// Medians of samples taken between the products.
  public let roofline: Benchmark.Limits
  public internal(set) var products: [Product]
}

extension MatmulComparison {
  /// Loads the file and compares.
  ///
  /// - Parameters:
  ///   - tokens: how many at a time; the head is only measured with one, as a prefill computes it.
  ///   - repetitions: how often each path is run and counted, in turn with the other.
  ///   - compute: threads, and how the own kernels meet quantised weights.
  public static func run(
    _ file: GGUFFile, tokens: [Int], repetitions: Int, compute: ComputeOptions = .init(),
    isCancelled: () -> Bool = { false }, progress: (Double) -> Void = { _ in }
  ) throws(KingletError) -> MatmulComparison {
    guard repetitions > 0, !tokens.isEmpty, tokens.allSatisfy({ 1...8192 ~= $0 }) else {
      throw KingletError(.invalidArgument, "at least one repetition and between 1 and 8192 tokens are needed")
    }
    let decoder = try Decoder.load(file, options: .init(compute: compute))
    let limits = LimitSamples(isWanted: true)
    let threads = compute.threads ?? ThreadCount.available
    let groups = MatrixGroup.groups(of: decoder)
    var products: [Product] = []
    for (index, group) in groups.enumerated() {
      for count in tokens where count == 1 || !group.isHead {
        let comparison = try ProductTimer(group, tokens: count, compute)
        var (simd, blas) = ([Double](), [Double]())
        for repetition in 0...repetitions {
          if isCancelled() { throw KingletError(.cancelled, "the measurement was cancelled") }
          let rates = try (comparison.simdRate(), comparison.blasRate())
          // Reading 256 MB, the samples also leave the caches as a forward pass would find them.
          try limits.take(threads: threads)
          guard repetition > 0 else { continue }
          simd.append(rates.0)
          if let rate = rates.1 { blas.append(rate) }
        }
        products.append(Product(group, comparison, simd, blas))
      }
      progress(Double(index + 1) / Double(groups.count))
    }
    guard let roofline = limits.medians?.first else {
      throw KingletError(.invalidArgument, "the model has no matrices")
    }
    return MatmulComparison(
      model: try file.metadata.string("general.name") ?? file.path, machine: .current, roofline: roofline,
      products: products)
  }
}

extension MatmulComparison.Product {
  fileprivate init(_ group: MatrixGroup, _ timer: ProductTimer, _ simd: [Double], _ blas: [Double]) {
    let matrix = group.matrices[0]
    type = matrix.type.name
    (rows, columns, tokens) = (matrix.rows, matrix.columns, timer.tokens)
    simdRate = Benchmark.Rate(simd)
    blasRate = blas.isEmpty ? nil : Benchmark.Rate(blas)
    simdReadRate = simdRate.median * Double(matrix.byteCount) / Double(2 * rows * columns * tokens)
    autoTakesBlas = timer.autoTakesBLAS
    guard let blasRate else {
      isAutoRight = !autoTakesBlas
      return
    }
    let (taken, other) = autoTakesBlas ? (blasRate, simdRate) : (simdRate, blasRate)
    isAutoRight = other.median < taken.median * 1.05
  }
}
