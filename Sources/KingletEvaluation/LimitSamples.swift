import KingletErrors
import KingletTensors

/// Samples of the machine's limits, taken while something else is measured.
final class LimitSamples {
  private let isWanted: Bool
  private var probe: RooflineProbe?
  private var samples: [Int: [Roofline]] = [:]
  private var peakBefore = 0
  /// What the samples keep resident.
  private var ownByteCount = 0

  init(isWanted: Bool) { self.isWanted = isWanted }

  /// Takes a sample with so many threads.
  ///
  /// - Throws: `.outOfMemory`, the first time.
  func take(threads: Int) throws(KingletError) {
    guard isWanted else { return }
    if let probe { return samples[threads, default: []].append(probe.sample(threads: threads)) }
    let before = Machine.residentMemoryByteCount
    peakBefore = Machine.peakMemoryByteCount
    let probe = try RooflineProbe(table: .selected())
    self.probe = probe
    // The first sample only makes the matrix library take its memory.
    _ = probe.sample(threads: ComputePool.shared.threadCount)
    ownByteCount = max(0, Machine.residentMemoryByteCount - before)
    samples[threads] = [probe.sample(threads: threads)]
  }

  /// The peak of the process, without the memory of the samples: that is resident to the end from where it was taken.
  var peakMemoryWithoutThem: Int { max(peakBefore, Machine.peakMemoryByteCount - ownByteCount) }

  /// Nil when no samples were wanted.
  var medians: [Benchmark.Limits]? {
    guard isWanted else { return nil }
    return samples.sorted { $0.key < $1.key }.map { threads, samples in
      let int8Rates = samples.compactMap(\.int8Gigaops).sorted()
      return Benchmark.Limits(
        threads: threads, readRate: median(samples.map(\.readGigabytes).sorted()),
        sgemmRate: median(samples.map(\.sgemmGigaflops).sorted()),
        int8Rate: int8Rates.isEmpty ? nil : median(int8Rates))
    }
  }
}
