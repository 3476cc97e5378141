import KingletErrors
import KingletGGUF
import KingletTensors
import Synchronization

/// A text encoder with its weights, ready to run.
///
/// Immutable and shared: any number of threads may use it at once.
public final class Encoder: Sendable {
  public let description: EncoderDescription
  public let instructionSet: InstructionSet
  public let compute: ComputeOptions
  let weights: EncoderWeights
  let blocks: [EncoderBlock]
  let table: KernelTable
  /// Activations of forward passes that are not running; see `Decoder`.
  private let states = Mutex<[UncheckedState]>([])

  /// Numbers in the vector of a text.
  public var dimensions: Int { weights.projections.last?.rows ?? description.hiddenSize }
  /// Whether there is a head that scores pairs of texts.
  public var canRank: Bool { weights.rankingHead != nil }
  /// The longest sequence, in tokens.
  public var trainedContextLength: Int { description.trainedContextLength }
  public var vocabularySize: Int { description.vocabularySize }

  /// Reads the description and packs the weights of a file; the file is not needed afterwards.
  ///
  /// A decoder is read as well: as an encoder whose tokens see the past.
  ///
  /// - Parameters:
  ///   - progress: told the fraction of the weights that is packed.
  ///   - isCancelled: asked now and then; yes makes the call throw `.cancelled`.
  public static func load(
    _ file: GGUFFile, compute: ComputeOptions = .init(), progress: (@Sendable (Double) -> Void)? = nil,
    isCancelled: @Sendable () -> Bool = { false }
  ) throws(KingletError) -> Encoder {
    do throws(KingletError) {
      return try Encoder(file, compute) { (fraction) throws(KingletError) in
        if isCancelled() { throw KingletError(.cancelled, "loading was cancelled") }
        progress?(fraction)
      }
    } catch {
      throw error.located(in: file.path)
    }
  }

  /// Whether a file holds an encoder, and nothing that could write.
  public static func isEncoder(_ file: GGUFFile) throws(KingletError) -> Bool {
    Architecture.encoders[try file.metadata.requiredString("general.architecture")] != nil
  }

  /// What the file says of its encoder, without loading any weights.
  ///
  /// - Throws: `.unsupported` for an architecture that Kinglet does not run, `.fileCorrupt` for impossible numbers.
  public static func describe(_ file: GGUFFile) throws(KingletError) -> EncoderDescription {
    try Architecture.describeEncoder(file)
  }

  /// The same weights, computed in another way: they are shared, not copied.
  public func computing(_ compute: ComputeOptions) -> Encoder { Encoder(self, compute) }

  private init(_ other: Encoder, _ compute: ComputeOptions) {
    description = other.description
    instructionSet = other.instructionSet
    self.compute = compute
    weights = other.weights
    blocks = other.blocks
    table = other.table
  }

  private init(
    _ file: GGUFFile, _ compute: ComputeOptions, progress: (Double) throws(KingletError) -> Void
  ) throws(KingletError) {
    let description = try Architecture.describeEncoder(file)
    self.description = description
    self.compute = compute
    table = try KernelTable.selected()
    instructionSet = table.instructionSet
    let weights = try EncoderWeights(
      description, from: file, table: table, threads: compute.threads ?? ThreadCount.available, progress: progress)
    self.weights = weights
    blocks = zip(weights.blocks, description.layers).map { EncoderBlock($0, $1, description) }
  }

  /// Lends activations for one forward pass.
  func withState<R>(_ body: (EncoderState) throws(KingletError) -> R) throws(KingletError) -> R {
    let state = states.withLock { $0.popLast() } ?? UncheckedState(makeState())
    defer { states.withLock { $0.append(state) } }
    return try body(state.value)
  }

  private func makeState() -> EncoderState {
    EncoderState(
      description, frequencyFactors: weights.frequencyFactors, compute: Compute(options: compute, table: table))
  }
}

/// `@unchecked Sendable`: a state is either in the list, where nobody uses it, or with the one pass that took it out.
private struct UncheckedState: @unchecked Sendable {
  let value: EncoderState
  init(_ value: EncoderState) { self.value = value }
}
