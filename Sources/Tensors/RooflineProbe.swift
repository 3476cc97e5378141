import KingletErrors
import KingletKernels

/// What this machine can do at most with some threads: the lines under which a model runs (Williams, Waterman and
/// Patterson 2009).
public struct Roofline: Sendable, Equatable {
  /// Bytes read from memory in a second, over 1e9.
  public var readGigabytes: Double
  /// Multiplications and additions of float matrix products in a second, over 1e9: by the matrix library where there is
  /// one, else by the table's own kernel.
  public var sgemmGigaflops: Double
  /// Multiplications and additions of 8-bit integers in a second, over 1e9; nil where the table has no instruction for it.
  public var int8Gigaops: Double?

  public init(readGigabytes: Double, sgemmGigaflops: Double, int8Gigaops: Double? = nil) {
    self.readGigabytes = readGigabytes
    self.sgemmGigaflops = sgemmGigaflops
    self.int8Gigaops = int8Gigaops
  }
}

/// Measures the roofline, again and again: what a machine shared with others can do changes from second to second, so
/// whoever compares takes samples between the things compared.
///
/// Not `Sendable`; its work runs on the process's pool.
public final class RooflineProbe {
  /// Far more than any cache of the machines that Kinglet is for.
  private static let readByteCount = 256 << 20
  private static let readTaskByteCount = 1 << 20
  /// Square matrices: large enough for a matrix library to come to its full speed, small enough to take 2 ms; or, for
  /// our own kernel, which is not made for large ones, to stay in the first caches.
  private static let order = BLAS.isAvailable ? 512 : 128
  private static let productsPerThread = BLAS.isAvailable ? 8 : 32
  private static let byteProductRounds = 200_000
  private static let byteProductTasksPerThread = 16

  private let table: KernelTable
  private let pool = ComputePool.shared
  private let bytes: Memory
  /// Three matrices for each thread: two factors and their product.
  private let matrices: Memory

  /// - Throws: `.outOfMemory`: it takes 256 MB, and 3 MB for each thread of the pool.
  public init(table: KernelTable) throws(KingletError) {
    self.table = table
    bytes = try Memory(byteCount: Self.readByteCount)
    matrices = try Memory(byteCount: pool.threadCount * Self.matricesByteCount)
    // Untouched, all pages would be one page of zeros.
    bytes.base.initializeMemory(as: UInt8.self, repeating: 1, count: bytes.byteCount)
    matrices.base.initializeMemory(as: Float.self, repeating: 0.5, count: matrices.byteCount / 4)
  }

  private static var matricesByteCount: Int { 3 * order * order * MemoryLayout<Float>.stride }

  /// One measurement of each limit with so many threads; some 50 ms in all.
  public func sample(threads: Int) -> Roofline {
    let threads = max(1, min(threads, pool.threadCount))
    return Roofline(
      readGigabytes: readRate(threads), sgemmGigaflops: sgemmRate(threads), int8Gigaops: byteProductRate(threads))
  }

  private func readRate(_ threads: Int) -> Double {
    let count = Self.readByteCount / Self.readTaskByteCount
    return gigas(Self.readByteCount) {
      pool.run(count, threads: threads) { task, _ in
        _ = table.probes.read(bytes.base + task * Self.readTaskByteCount, Self.readTaskByteCount)
      }
    }
  }

  private func sgemmRate(_ threads: Int) -> Double {
    let (n, count) = (Self.order, Self.productsPerThread * threads)
    return gigas(2 * count * n * n * n) {
      pool.run(count, threads: threads) { _, worker in
        let x = (matrices.base + worker * Self.matricesByteCount).assumingMemoryBound(to: Float.self)
        let (weights, out) = (x + n * n, x + 2 * n * n)
        if BLAS.isAvailable {
          BLAS.multiply(
            weights: weights, rows: n, columns: n, x: x, xStride: n, tokens: n, out: out, outStride: n)
        } else {
          let kernel = table.floatKernel
          kernel.multiplyTiles(weights, n / kernel.panelRows, n, x, n / 8, out, out, n)
        }
      }
    }
  }

  private func byteProductRate(_ threads: Int) -> Double? {
    guard let kernel = table.probes.multiplyBytes else { return nil }
    let count = Self.byteProductTasksPerThread * threads
    return gigas(count * Self.byteProductRounds * kernel.operationsPerRound) {
      pool.run(count, threads: threads) { _, _ in _ = kernel.run(Self.byteProductRounds) }
    }
  }

  /// 1e9 of `amount` in a second, when `work` does that much.
  private func gigas(_ amount: Int, _ work: () -> Void) -> Double {
    Double(amount) / (ContinuousClock().measure(work) / .seconds(1)) / 1e9
  }
}
