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
  /// Applied to every sequence.
  public let adapters: [AppliedAdapter]
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
  public func computing(_ compute: ComputeOptions) -> Encoder { Encoder(self, compute, adapters) }

  /// Makes an adapter ready for this encoder.
  ///
  /// - Throws: `.invalidArgument`, naming the tensor and both sides, for an update that does not fit the model.
  public func adapter(_ updates: [AdapterUpdate]) throws(KingletError) -> LoadedAdapter {
    let binding = AdapterBinding(
      layers: weights.blocks.map { block in
        let p = block.parameters
        return AdapterBinding.inputs(
          query: .init(matrix: block.query, bias: p.queryBias, heads: description.headCount),
          key: .init(matrix: block.key, bias: p.keyBias, heads: description.keyHeadCount),
          value: .init(matrix: block.value, bias: p.valueBias),
          output: .init(matrix: block.output, bias: p.outputBias), gate: block.gate.map { .init(matrix: $0) },
          up: .init(matrix: block.up, bias: p.upBias), down: .init(matrix: block.down, bias: p.downBias))
      },
      embedding: weights.embedding, head: nil, pairing: description.rotaryPairing, table: table,
      activations: compute.activations, owner: ObjectIdentifier(weights.embedding))
    return try binding.bind(updates, invocation: [])
  }

  /// The same weights, with adapters applied to every sequence.
  ///
  /// - Throws: `.invalidArgument` for an adapter that was made ready for another encoder.
  public func adapted(by adapters: [AppliedAdapter]) throws(KingletError) -> Encoder {
    try adapters.check(owner: ObjectIdentifier(weights.embedding))
    return Encoder(self, compute, adapters)
  }

  private init(_ other: Encoder, _ compute: ComputeOptions, _ adapters: [AppliedAdapter]) {
    self.adapters = adapters
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
    adapters = []
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
