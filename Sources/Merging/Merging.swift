// Merging: folds adapters into the weights of their base, which makes an ordinary model file of the two.

import KingletAdapters
import KingletErrors
import KingletFiles
import KingletGGUF
import KingletQuantization
import KingletQuants
import KingletTensors
import KingletTransformer

/// A model file to be written with adapters folded into its weights.
///
/// ```swift
/// let base = try GGUFFile(path: "model.gguf")
/// let merge = try Merge(base, [(Adapter(contentsOf: "adapters/legal"), strength: 1)])
/// try merge.write(to: "legal.gguf")
/// ```
///
/// The sums are made in double precision and rounded once, to the type of the new tensor; tensors that no adapter changes
/// keep their bytes. The new model computes what the base computes with the adapters applied, up to that rounding.
public struct Merge: Sendable {
  /// What to make.
  public struct Options: Sendable {
    /// What the whole file is quantised to; nil for the types that the base's tensors have.
    public var type: FileType?
    /// Threads; nil for all cores this process may use.
    public var threads: Int?

    public init(type: FileType? = nil, threads: Int? = nil) {
      self.type = type
      self.threads = threads
    }
  }

  /// A tensor of the new file.
  public struct Tensor: Sendable {
    public let name: String
    public let dimensions: [Int]
    /// The type it has in the base and the one it gets.
    public let source: QuantType
    public let target: QuantType
    /// Whether an adapter changes it.
    public let isMerged: Bool
    /// The base's tensor it is made of: the embedding for a head that has been a part of it.
    fileprivate let origin: GGUFTensor
  }

  public let options: Options
  /// What becomes of each tensor, in the order of the new file.
  public let tensors: [Tensor]
  private let file: GGUFFile
  private let base: AdapterBase
  private let adapters: [(adapter: Adapter, strength: Float)]
  /// What they change of single tensors.
  private let updates: [(update: AdapterUpdate, strength: Float)]

  /// Plans the merging; nothing is computed or written yet.
  ///
  /// Where the base has one matrix for embedding and head and an adapter changes one of them, the new file has two.
  ///
  /// - Parameter adapters: Each with how strongly it is applied, 1 as it was trained. Several add up.
  /// - Throws: `.invalidArgument`, naming both sides, for an adapter of another base; `.unsupported`, naming the tensor,
  ///   for one whose type cannot be read or made.
  public init(
    _ file: GGUFFile, _ adapters: [(adapter: Adapter, strength: Float)], _ options: Options = .init()
  ) throws(KingletError) {
    let base = try AdapterBase(file)
    var updates: [(update: AdapterUpdate, strength: Float)] = []
    for (adapter, strength) in adapters {
      try base.check(adapter)
      guard adapter.invocation.isEmpty else {
        throw KingletError(
          .unsupported, "an adapter that tokens switch on is not always applied, as merged weights would be",
          at: adapter.path, remedy: "Apply it beside the base (--adapter).")
      }
      try adapter.check(strength: strength)
      for update in adapter.updates(ofTied: base.isTied) {
        updates += try base.separated(update).map { ($0, strength) }
      }
    }
    let changed = Set(updates.flatMap(\.update.changedTensors))
    if let bias = changed.first(where: { $0.hasSuffix(".bias") && file.tensor(named: $0) == nil }) {
      throw KingletError(.unsupported, "the adapter has a bias where the model has none", at: bias)
    }
    var tensors: [Tensor] = []
    func add(_ origin: GGUFTensor, as name: String, _ target: QuantType) throws(KingletError) {
      let tensor = Tensor(
        name: name, dimensions: origin.dimensions, source: origin.type, target: target,
        isMerged: changed.contains(name), origin: origin)
      try Self.check(tensor)
      tensors.append(tensor)
    }
    for (tensor, target) in try Self.targets(file, options) { try add(tensor, as: tensor.name, target) }
    // Only where the file is to compute something else with the one than with the other.
    let (embedding, head) = ("token_embd.weight", "output.weight")
    if base.isTied, changed.contains(embedding) || changed.contains(head),
      let tied = tensors.first(where: { $0.name == embedding })
    {
      try add(tied.origin, as: head, tied.target)
    }
    self.tensors = tensors
    self.file = file
    self.base = base
    self.adapters = adapters
    self.updates = updates
    self.options = options
  }

  private static func targets(
    _ file: GGUFFile, _ options: Options
  ) throws(KingletError) -> [(GGUFTensor, QuantType)] {
    guard let type = options.type else { return file.tensors.map { ($0, $0.type) } }
    let plan = try Quantization(file, .init(type: type, allowsRequantization: true))
    return plan.tensors.compactMap { planned in file.tensor(named: planned.name).map { ($0, planned.target) } }
  }

  private static func check(_ tensor: Tensor) throws(KingletError) {
    guard tensor.isMerged else { return }
    guard tensor.source.dequantizer != nil else {
      throw KingletError(.unsupported, "values of type \(tensor.source.name) cannot be read", at: tensor.name)
    }
    guard tensor.target.quantizer != nil else {
      throw KingletError(
        .unsupported, "the adapter changes it, and values of its type \(tensor.target.name) cannot be made",
        at: tensor.name, remedy: "Choose another type (--type).")
    }
  }

  /// Writes the new file to `path`, replacing what is there only when all is written; holds the adapters and a few
  /// megabytes at a time.
  ///
  /// - Parameters:
  ///   - progress: told the fraction of the new file that is written.
  ///   - isCancelled: asked now and then; yes makes the call throw `.cancelled` and leave nothing behind.
  /// - Throws: `.invalidArgument` when `path` is that of the base or of an adapter, or naming a tensor whose sums are not
  ///   finite or too large for its type; `.fileUnreadable` when the file cannot be written.
  public func write(
    to path: String, progress: @escaping (Double) -> Void = { _ in }, isCancelled: @escaping () -> Bool = { false }
  ) throws(KingletError) {
    guard !areSameFile(file.path, path), !adapters.contains(where: { $0.adapter.isRead(from: path) }) else {
      throw KingletError(
        .invalidArgument, "the merged model would be written over what it is made of", at: path,
        remedy: "Name another file")
    }
    var writer = GGUFWriter(alignment: file.alignment)
    for key in file.metadata.keys { writer[key] = file.metadata[key] }
    if let type = options.type {
      // At the end, as `Quantization` has them.
      for (key, value) in [("general.quantization_version", 2), ("general.file_type", type.rawValue)] {
        writer[key] = nil
        writer[key] = .uint32(value)
      }
    }
    for tensor in tensors {
      try writer.addTensor(tensor.name, dimensions: tensor.dimensions, type: tensor.target) {
        (sink) throws(KingletError) in
        do throws(KingletError) { try write(tensor, to: sink) } catch  where error.location == nil {
          throw error.located(in: tensor.name)
        }
      }
    }
    try writer.write(to: path, progress: progress, isCancelled: isCancelled)
  }

  private func write(_ tensor: Tensor, to sink: GGUFTensorSink) throws(KingletError) {
    defer { file.releasePages() }
    try file.withBytes(of: tensor.origin) { (bytes) throws(KingletError) in
      guard tensor.isMerged || tensor.source != tensor.target else { return try sink.write(bytes) }
      let sum = RowSum(of: tensor.name, updates, base)
      let conversion = try RowConversion(
        from: tensor.source, to: tensor.target, columns: tensor.dimensions[0],
        threads: options.threads ?? ThreadCount.available)
      try conversion.convert(bytes, changing: sum?.rowChange) {
        (rows) throws(KingletError) in
        try sink.write(rows)
        file.releasePages()
      }
    }
  }
}
