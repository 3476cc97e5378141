import KingletErrors
import KingletFiles
import KingletQuants

/// Collects metadata and tensors, and writes them as a GGUF file.
///
/// ```swift
/// var writer = GGUFWriter()
/// writer["general.architecture"] = .string("llama")
/// writer["tokenizer.ggml.tokens"] = .array(GGUFArray(["a", "b"]))
/// try writer.addTensor("output_norm.weight", dimensions: [2], floats: [1, 1])
/// try writer.write(to: "toy.gguf")
/// ```
///
/// A tensor may be added as a function that produces its bytes when its turn comes: then the file may be larger than the
/// memory there is.
public struct GGUFWriter: Sendable {
  /// Writes all bytes of a tensor to the sink. Called once for each time the file is written.
  public typealias Producer = @Sendable (GGUFTensorSink) throws(KingletError) -> Void

  private struct Tensor: Sendable {
    let name: String
    let dimensions: [Int]
    let type: QuantType
    let byteCount: Int
    let produce: Producer
  }

  /// The version written, 2 or 3; they differ in what they allow, not in layout.
  public let version: Int
  /// The alignment of tensor data, in bytes.
  public let alignment: Int
  private var metadata: [(key: String, value: GGUFValue)] = []
  private var tensors: [Tensor] = []
  private var tensorNames: Set<String> = []

  /// A writer of a file without metadata or tensors.
  ///
  /// - Parameters:
  ///   - version: 2 or 3.
  ///   - alignment: A power of two. Other than the format's default of 32, it is written as `general.alignment`.
  public init(version: Int = 3, alignment: Int = 32) {
    precondition((2...3).contains(version), "GGUF versions 2 and 3 are written")
    precondition(alignment > 0 && alignment <= 1 << 30 && alignment.nonzeroBitCount == 1, "a power of two")
    self.version = version
    self.alignment = alignment
    if alignment != 32 { metadata.append((alignmentKey, .uint32(UInt32(alignment)))) }
  }

  /// The value of a key; nil removes it. Keys are written in the order in which they first came.
  ///
  /// `general.alignment` follows from `init` and is left alone, so that another file's metadata can be copied whole.
  public subscript(key: String) -> GGUFValue? {
    get { metadata.first { $0.key == key }?.value }
    set {
      guard key != alignmentKey else { return }
      let index = metadata.firstIndex { $0.key == key }
      switch (index, newValue) {
      case (let index?, let value?): metadata[index].value = value
      case (let index?, nil): metadata.remove(at: index)
      case (nil, let value?): metadata.append((key, value))
      case (nil, nil): break
      }
    }
  }

  /// Adds a tensor of `type`, whose bytes `produce` writes when the file is written; `dimensions` in ggml's order, the
  /// length of a row first.
  ///
  /// - Throws: `.invalidArgument` for a name in use or not of 1 to 64 bytes, or when rows are no whole blocks of the type.
  public mutating func addTensor(
    _ name: String, dimensions: [Int], type: QuantType, produce: @escaping Producer
  ) throws(KingletError) {
    func refuse(_ message: String) -> KingletError {
      KingletError(.invalidArgument, message, at: "tensor \(quoted(name))")
    }
    guard (1...64).contains(name.utf8.count) else { throw refuse("a name has 1 to 64 bytes") }
    guard !tensorNames.contains(name) else { throw refuse("the name is in use") }
    guard (1...4).contains(dimensions.count), dimensions.allSatisfy({ $0 > 0 }) else {
      throw refuse("\(dimensions) are not 1 to 4 positive dimensions")
    }
    let count = dimensions.reduce(1 as Int?) { product, size in
      guard let (value, overflow) = product?.multipliedReportingOverflow(by: size), !overflow else { return nil }
      return value
    }
    guard let count, dimensions[0] % type.blockSize == 0, let byteCount = type.byteCount(forElements: count) else {
      throw refuse("\(dimensions) values cannot be stored as \(type.name)")
    }
    tensorNames.insert(name)
    tensors.append(Tensor(name: name, dimensions: dimensions, type: type, byteCount: byteCount, produce: produce))
  }

  /// Adds a tensor, stored as `bytes` of `type`.
  ///
  /// - Throws: `.invalidArgument` as the other functions do, and when `bytes` are too few or too many.
  public mutating func addTensor(
    _ name: String, dimensions: [Int], type: QuantType, bytes: [UInt8]
  ) throws(KingletError) {
    var added = self
    try added.addTensor(name, dimensions: dimensions, type: type) { (sink) throws(KingletError) in try sink.write(bytes)
    }
    guard added.tensors.last?.byteCount == bytes.count else {
      throw KingletError(
        .invalidArgument, "\(bytes.count) bytes do not make \(dimensions) values of type \(type.name)",
        at: "tensor \(quoted(name))")
    }
    self = added
  }

  /// Adds a tensor of type F32.
  public mutating func addTensor(_ name: String, dimensions: [Int], floats: [Float]) throws(KingletError) {
    var encoder = GGUFEncoder()
    for value in floats { encoder.append(value.bitPattern) }
    try addTensor(name, dimensions: dimensions, type: .f32, bytes: encoder.bytes)
  }

  /// The file as bytes in memory.
  ///
  /// - Throws: What a tensor's producer throws.
  public func encoded() throws(KingletError) -> [UInt8] {
    let bytes = Collected()
    try emit(progress: { _ in }, isCancelled: { false }) { piece in bytes.all.append(contentsOf: piece) }
    return bytes.all
  }

  private final class Collected { var all: [UInt8] = [] }

  /// Writes the file to `path`, replacing what is there only once all is written; on failure nothing is left behind.
  ///
  /// - Parameters:
  ///   - progress: Told the fraction of tensor bytes that are written, every few megabytes.
  ///   - isCancelled: Asked as often; when it returns true, the writing ends.
  /// - Throws: `.fileUnreadable` when the file cannot be written, `.cancelled`, or what a tensor's producer throws.
  public func write(
    to path: String, progress: @escaping (Double) -> Void = { _ in }, isCancelled: @escaping () -> Bool = { false }
  ) throws(KingletError) {
    let file = try ReplacementFile(at: path)
    try emit(progress: progress, isCancelled: isCancelled) { (piece) throws(KingletError) in try file.write(piece) }
    try file.commit()
  }

  /// Hands out the file from front to back: the header, then each tensor and the padding after it.
  private func emit(
    progress: @escaping (Double) -> Void, isCancelled: @escaping () -> Bool,
    to output: @escaping (UnsafeRawBufferPointer) throws(KingletError) -> Void
  ) throws(KingletError) {
    let sink = GGUFTensorSink(
      totalByteCount: tensors.reduce(0) { $0 &+ $1.byteCount }, emit: output, progress: progress,
      isCancelled: isCancelled)
    try header.withBytes(output)
    for tensor in tensors {
      do throws(KingletError) {
        try sink.collect(tensor.byteCount, of: tensor.type, from: tensor.produce)
      } catch  where error.code == .invalidArgument && error.location == nil {
        throw KingletError(error.code, error.message, at: "tensor \(quoted(tensor.name))")
      }
      let padding = [UInt8](repeating: 0, count: paddingByteCount(after: tensor.byteCount, alignment))
      try padding.withBytes(output)
    }
  }

  private var header: [UInt8] {
    var encoder = GGUFEncoder()
    for letter in "GGUF".utf8 { encoder.append(letter) }
    encoder.append(UInt32(version))
    encoder.append(UInt64(tensors.count))
    encoder.append(UInt64(metadata.count))
    for (key, value) in metadata {
      encoder.append(key)
      encoder.append(value.type.rawValue)
      encoder.append(value)
    }
    var offset = 0
    for tensor in tensors {
      encoder.append(tensor.name)
      encoder.append(UInt32(tensor.dimensions.count))
      for size in tensor.dimensions { encoder.append(UInt64(size)) }
      encoder.append(tensor.type.rawValue)
      encoder.append(UInt64(offset))
      offset += tensor.byteCount + paddingByteCount(after: tensor.byteCount, alignment)
    }
    encoder.pad(to: alignment)
    return encoder.bytes
  }
}
