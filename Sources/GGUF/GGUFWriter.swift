import KingletErrors
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
public struct GGUFWriter: Sendable {
  private struct Tensor: Sendable {
    let name: String
    let dimensions: [Int]
    let type: QuantType
    let bytes: [UInt8]
  }

  /// The version written, 2 or 3; they differ in what they allow, not in layout.
  public let version: Int
  /// The alignment of tensor data, in bytes.
  public let alignment: Int
  private var metadata: [(key: String, value: GGUFValue)] = []
  private var tensors: [Tensor] = []

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

  /// Adds a tensor, stored as `bytes` of `type`; `dimensions` in ggml's order, the length of a row first.
  ///
  /// - Throws: `.invalidArgument` for a name in use or not of 1 to 64 bytes, or when dimensions, type and number of bytes
  ///   do not belong together.
  public mutating func addTensor(
    _ name: String, dimensions: [Int], type: QuantType, bytes: [UInt8]
  ) throws(KingletError) {
    func refuse(_ message: String) -> KingletError {
      KingletError(.invalidArgument, message, at: "tensor \(quoted(name))")
    }
    guard (1...64).contains(name.utf8.count) else { throw refuse("a name has 1 to 64 bytes") }
    guard !tensors.contains(where: { $0.name == name }) else { throw refuse("the name is in use") }
    guard (1...4).contains(dimensions.count), dimensions.allSatisfy({ $0 > 0 }) else {
      throw refuse("\(dimensions) are not 1 to 4 positive dimensions")
    }
    let count = dimensions.reduce(1 as Int?) { product, size in
      guard let (value, overflow) = product?.multipliedReportingOverflow(by: size), !overflow else { return nil }
      return value
    }
    guard let count, dimensions[0] % type.blockSize == 0, type.byteCount(forElements: count) == bytes.count else {
      throw refuse("\(bytes.count) bytes do not make \(dimensions) values of type \(type.name)")
    }
    tensors.append(Tensor(name: name, dimensions: dimensions, type: type, bytes: bytes))
  }

  /// Adds a tensor of type F32.
  public mutating func addTensor(_ name: String, dimensions: [Int], floats: [Float]) throws(KingletError) {
    var encoder = GGUFEncoder()
    for value in floats { encoder.append(value.bitPattern) }
    try addTensor(name, dimensions: dimensions, type: .f32, bytes: encoder.bytes)
  }

  /// The file as bytes in memory.
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    for part in parts { bytes.append(contentsOf: part) }
    return bytes
  }

  /// Writes the file to `path`, replacing what is there only once all is written.
  ///
  /// - Throws: `.fileUnreadable` when the file cannot be written.
  public func write(to path: String) throws(KingletError) {
    try replaceFile(at: path, with: parts)
  }

  /// The header, then each tensor's bytes and the padding after them (references to the tensors' bytes, no copies).
  private var parts: [[UInt8]] {
    [header]
      + tensors.flatMap { tensor in
        [tensor.bytes, Array(repeating: 0, count: paddingByteCount(after: tensor.bytes.count, alignment))]
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
      offset += tensor.bytes.count + paddingByteCount(after: tensor.bytes.count, alignment)
    }
    encoder.pad(to: alignment)
    return encoder.bytes
  }
}
