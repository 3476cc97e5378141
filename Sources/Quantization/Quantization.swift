// Quantization: makes smaller model files. It chooses a type for every tensor of a GGUF file, writes the file anew
// tensor by tensor, and holds the importance matrices that say which errors matter.

import KingletErrors
import KingletGGUF
import KingletQuants
import KingletTensors

/// A model file to be written with other types of weights.
///
/// Types, bytes and order are those of llama.cpp's `llama_model_quantize`: equal models give equal files.
public struct Quantization: Sendable {
  /// What to make.
  public struct Options: Sendable {
    public var type: FileType
    public var importance: ImportanceMatrix?
    /// Whether weights that are quantised already may be quantised again, which adds a second error to theirs.
    public var allowsRequantization: Bool
    /// Threads; nil for all cores this process may use.
    public var threads: Int?

    public init(
      type: FileType, importance: ImportanceMatrix? = nil, allowsRequantization: Bool = false, threads: Int? = nil
    ) {
      self.type = type
      self.importance = importance
      self.allowsRequantization = allowsRequantization
      self.threads = threads
    }
  }

  /// A tensor of the new file.
  public struct Tensor: Sendable {
    public let name: String
    public let dimensions: [Int]
    /// The type it has and the one it gets.
    public let source: QuantType
    public let target: QuantType
    /// Whether its rows are no whole blocks of the type meant for it, so that it gets a larger one.
    public let isFallback: Bool
  }

  public let options: Options
  /// What becomes of each tensor, in the order of the new file: by layer, then by name.
  public let tensors: [Tensor]
  private let file: GGUFFile

  /// Plans the quantisation; nothing is computed or written yet.
  ///
  /// - Throws: `.invalidArgument` naming a tensor that is quantised already, unless that is allowed, or one that the
  ///   importance matrix does not fit; `.unsupported` for one whose type cannot be read.
  public init(_ file: GGUFFile, _ options: Options) throws(KingletError) {
    self.file = file
    self.options = options
    let ordered = file.tensors.sorted { $0.precedes($1) }
    var chooser = TypeChooser(
      options.type, facts: try ModelFacts(file), tensors: ordered, hasImportance: options.importance != nil)
    var tensors: [Tensor] = []
    for tensor in ordered {
      let (type, wanted) = chooser.choose(tensor)
      tensors.append(
        Tensor(
          name: tensor.name, dimensions: tensor.dimensions, source: tensor.type, target: type,
          isFallback: type != wanted))
      try Self.check(tensor, becomes: type, options)
    }
    self.tensors = tensors
  }

  private static func check(
    _ tensor: GGUFTensor, becomes type: QuantType, _ options: Options
  ) throws(KingletError) {
    guard tensor.type != type else { return }
    guard tensor.type.isDequantizable else {
      throw KingletError(.unsupported, "values of type \(tensor.type.name) cannot be read", at: tensor.name)
    }
    guard tensor.type.blockSize == 1 || options.allowsRequantization else {
      throw KingletError(
        .invalidArgument, "is quantised already, as \(tensor.type.name)", at: tensor.name,
        remedy: "Start from an F32, F16 or BF16 file, or allow requantisation and its second error.")
    }
    _ = try options.importance?.weights(for: tensor)
  }

  /// Writes the new file to `path`, replacing what is there only when all is written; holds little more than a few
  /// megabytes at a time.
  ///
  /// - Parameters:
  ///   - progress: told the fraction of the new file that is written.
  ///   - isCancelled: asked now and then; yes makes the call throw `.cancelled` and leave nothing behind.
  /// - Throws: `.invalidArgument` naming a tensor with values that are not finite or too large for their type,
  ///   `.fileUnreadable` when the file cannot be written.
  public func write(
    to path: String, progress: @escaping (Double) -> Void = { _ in }, isCancelled: @escaping () -> Bool = { false }
  ) throws(KingletError) {
    var writer = GGUFWriter(alignment: file.alignment)
    for key in file.metadata.keys { writer[key] = file.metadata[key] }
    for (key, value) in newMetadata {
      writer[key] = nil
      writer[key] = value
    }
    let threads = options.threads ?? ThreadCount.available
    for tensor in tensors {
      guard let source = file.tensor(named: tensor.name) else { continue }
      let importance = try options.importance?.weights(for: source) ?? []
      try writer.addTensor(tensor.name, dimensions: tensor.dimensions, type: tensor.target) {
        [file] (sink) throws(KingletError) in
        do throws(KingletError) {
          try file.withBytes(of: source) { (bytes) throws(KingletError) in
            if tensor.source == tensor.target { return try sink.write(bytes) }
            let conversion = try RowConversion(
              from: tensor.source, to: tensor.target, columns: tensor.dimensions[0], threads: threads)
            try conversion.convert(bytes, importance: importance) { (rows) throws(KingletError) in
              try sink.write(rows)
              file.releasePages()
            }
          }
        } catch  where error.location == nil {
          throw error.located(in: tensor.name)
        }
      }
    }
    try writer.write(to: path, progress: progress, isCancelled: isCancelled)
  }

  /// What the new file says of itself.
  private var newMetadata: [(String, GGUFValue)] {
    [("general.quantization_version", .uint32(2)), ("general.file_type", .uint32(options.type.rawValue))]
      + (options.importance?.provenance ?? [])
  }
}

extension GGUFTensor {
  /// Tensors of no layer come first, then those of each layer; by the bytes of their names.
  fileprivate func precedes(_ other: GGUFTensor) -> Bool {
    let (mine, its) = (layer ?? -1, other.layer ?? -1)
    return mine != its ? mine < its : name.utf8.lexicographicallyPrecedes(other.name.utf8)
  }
}
