import KingletErrors
import KingletKernels

/// The means of one forward pass: kernels, threads and scratch memory, reused from call to call.
///
/// Its operations (in the extensions) are the verbs a model is written in. Each splits its work into tasks of roughly ten
/// microseconds for the pool; what is cheaper than a synchronisation runs on the calling thread.
///
/// Not `Sendable`: one forward pass at a time.
public final class Compute {
  public let options: ComputeOptions
  public let table: KernelTable
  public let threads: Int
  /// Is shown what matrices are multiplied by.
  public var observer: (any ActivationObserver)?
  let pool = ComputePool.shared

  /// Normalised rows, and tiles of tokens as int8 and as floats, of the operation under way.
  let normalized: GrowingMemory = .init()
  let rounded: GrowingMemory = .init()
  /// Tiles made of gated rows, while those of their input are read.
  let roundedGates: GrowingMemory = .init()
  let interleaved: GrowingMemory = .init()
  let partials: GrowingMemory = .init()
  /// What adapters' first factors made of the input.
  let lows: GrowingMemory = .init()
  let pending: PendingProjections
  let countdowns = Countdowns()
  var readAhead = ReadAhead()
  private let workerScratch: [GrowingMemory]
  private var scratchByteCount = 0
  /// Where each worker's scratch memory is.
  private let scratchBases: UnsafeMutablePointer<UnsafeMutableRawPointer>

  public init(options: ComputeOptions, table: KernelTable) {
    self.options = options
    self.table = table
    threads = max(1, min(options.threads ?? ThreadCount.available, ComputePool.shared.threadCount))
    pending = PendingProjections(workers: threads)
    workerScratch = (0..<threads).map { _ in GrowingMemory() }
    scratchBases = .allocate(capacity: threads)
    scratchBases.initialize(repeating: GrowingMemory.nothing, count: threads)
  }

  deinit { scratchBases.deallocate() }

  /// Fewer tokens than this are prepared by the calling thread: waking others costs more.
  static let serialTokens = 4

  /// Calls `body` for ranges of tokens that make up all `count`, with the worker that does it, in parallel from
  /// `serialTokens` on.
  ///
  /// Ranges begin at multiples of eight, the widest tile.
  func forEachTokenRange(_ count: Int, _ body: (Range<Int>, _ worker: Int) -> Void) {
    if count < Self.serialTokens { return body(0..<count, 0) }
    pool.run((count + 7) / 8, threads: threads) { task, worker in
      body(task * 8..<min(count, task * 8 + 8), worker)
    }
  }

  /// Makes sure that every worker's scratch holds `byteCount` bytes; to be called before a phase that uses it.
  func reserveScratch(_ byteCount: Int) throws(KingletError) {
    if byteCount <= scratchByteCount { return }
    scratchByteCount = 0
    for (worker, scratch) in workerScratch.enumerated() {
      try scratch.reserve(byteCount)
      scratchBases[worker] = scratch.base
    }
    scratchByteCount = byteCount
  }

  /// The scratch memory of a worker: for its current task only.
  func scratch(_ worker: Int) -> UnsafeMutableRawPointer { scratchBases[worker] }
}

/// Memory that grows to the largest size asked for; its contents do not outlive a `reserve`.
final class GrowingMemory {
  private var memory: Memory?
  private(set) var base: UnsafeMutableRawPointer = GrowingMemory.nothing

  func reserve(_ byteCount: Int) throws(KingletError) {
    if let memory, memory.byteCount >= byteCount { return }
    memory = nil
    let grown = try Memory(byteCount: byteCount)
    memory = grown
    base = grown.base
  }

  // What `base` is before the first `reserve`.
  nonisolated(unsafe) static let nothing = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
}
