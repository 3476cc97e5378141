import KingletErrors
import KingletGGUF
import KingletTensors
import Synchronization

/// A decoder-only transformer with its weights, ready to run.
///
/// Immutable and shared: any number of sequences, each with its own `KVCache`, may run on it from any thread.
public final class Decoder: Sendable {
  /// How a model is loaded and computed.
  public struct LoadOptions: Sendable {
    public var compute: ComputeOptions
    /// Is shown what the matrices are multiplied by in every forward pass.
    public var observer: (any ActivationObserver)?

    public init(compute: ComputeOptions = .init()) { self.compute = compute }
  }

  public let description: DecoderDescription
  public let instructionSet: InstructionSet
  public let options: LoadOptions
  /// Applied to every sequence, besides those of its own.
  public let adapters: [AppliedAdapter]
  let weights: DecoderWeights
  let blocks: [DecoderBlock]
  let table: KernelTable
  /// Activations of forward passes that are not running: one is taken for each pass, so memory is as large as the number
  /// of passes that have ever run at once.
  private let states = Mutex<[UncheckedState]>([])

  public var vocabularySize: Int { description.vocabularySize }
  /// The length the model was trained for, in tokens.
  public var trainedContextLength: Int { description.trainedContextLength }

  /// Reads the description and packs the weights of a file; the file is not needed afterwards.
  ///
  /// - Parameters:
  ///   - progress: told the fraction of the weights that is packed.
  ///   - isCancelled: asked now and then; yes makes the call throw `.cancelled`.
  public static func load(
    _ file: GGUFFile, options: LoadOptions = .init(), progress: (@Sendable (Double) -> Void)? = nil,
    isCancelled: @Sendable () -> Bool = { false }
  ) throws(KingletError) -> Decoder {
    do throws(KingletError) {
      return try Decoder(file, options) { (fraction) throws(KingletError) in
        if isCancelled() { throw KingletError(.cancelled, "loading was cancelled") }
        progress?(fraction)
      }
    } catch {
      throw error.located(in: file.path)
    }
  }

  /// What the file says of its model, without loading any weights.
  ///
  /// - Throws: `.unsupported` for an architecture that Kinglet does not run, `.fileCorrupt` for impossible numbers.
  public static func describe(_ file: GGUFFile) throws(KingletError) -> DecoderDescription {
    try Architecture.describe(file)
  }

  /// The same weights, computed in another way: they are shared, not copied.
  public func computing(_ compute: ComputeOptions) -> Decoder {
    Decoder(self, LoadOptions(compute: compute), adapters)
  }

  /// The same weights, with adapters applied to every sequence.
  ///
  /// - Throws: `.invalidArgument` for an adapter that was made ready for another decoder.
  public func adapted(by adapters: [AppliedAdapter]) throws(KingletError) -> Decoder {
    try check(adapters)
    return Decoder(self, options, adapters)
  }

  /// The same weights, with `observer` shown what they are multiplied by.
  public func observed(by observer: any ActivationObserver) -> Decoder {
    var options = options
    options.observer = observer
    return Decoder(self, options, adapters)
  }

  private init(_ other: Decoder, _ options: LoadOptions, _ adapters: [AppliedAdapter]) {
    self.adapters = adapters
    description = other.description
    instructionSet = other.instructionSet
    self.options = options
    weights = other.weights
    blocks = other.blocks
    table = other.table
  }

  private init(
    _ file: GGUFFile, _ options: LoadOptions, progress: (Double) throws(KingletError) -> Void
  ) throws(KingletError) {
    let description = try Architecture.describe(file)
    self.description = description
    self.options = options
    adapters = []
    table = try KernelTable.selected()
    instructionSet = table.instructionSet
    weights = try DecoderWeights(
      description, from: file, table: table, threads: options.compute.threads ?? ThreadCount.available,
      progress: progress)
    blocks = weights.blocks.map { DecoderBlock($0, description) }
  }

  /// An empty cache for a sequence of at most `capacity` positions.
  ///
  /// - Throws: `.invalidArgument` for a capacity below 1.
  public func makeCache(capacity: Int, type: KVType = .f16) throws(KingletError) -> KVCache {
    guard capacity > 0 else { throw KingletError(.invalidArgument, "a context of \(capacity) tokens holds nothing") }
    return KVCache(description, capacity: capacity, type: type)
  }

  /// Bytes of keys and values that `capacity` positions take.
  public func cacheByteCount(capacity: Int, type: KVType = .f16) -> Int {
    description.cacheByteCount(capacity: capacity, type: type)
  }

  /// Lends activations for one forward pass.
  func withState<R>(_ body: (DecoderState) throws(KingletError) -> R) throws(KingletError) -> R {
    let state = states.withLock { $0.popLast() } ?? UncheckedState(makeState())
    defer { states.withLock { $0.append(state) } }
    return try body(state.value)
  }

  private func makeState() -> DecoderState {
    let compute = Compute(options: options.compute, table: table)
    compute.observer = options.observer
    return DecoderState(description, frequencyFactors: weights.frequencyFactors, compute: compute)
  }
}

/// `@unchecked Sendable`: a state is either in the list, where nobody uses it, or with the one pass that took it out.
private struct UncheckedState: @unchecked Sendable {
  let value: DecoderState
  init(_ value: DecoderState) { self.value = value }
}
