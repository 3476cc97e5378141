import KingletErrors
import KingletFiles

/// Collects tensors, and writes them as a safetensors file.
///
/// ```swift
/// var writer = SafetensorsWriter()
/// try writer.addTensor("weight", shape: [1, 2], floats: [0.5, 1])
/// try writer.write(to: "toy.safetensors")
/// ```
public struct SafetensorsWriter: Sendable {
  private struct Tensor: Sendable {
    let name: String
    let type: SafetensorsType
    let shape: [Int]
    let bytes: [UInt8]
  }

  /// Free text to go with the tensors; programs expect `"format": "pt"` of weights for PyTorch.
  public var metadata: [String: String] = [:]
  private var tensors: [String: Tensor] = [:]

  /// A writer of a file without tensors.
  public init() {}

  /// Adds a tensor, stored as `bytes` of `type`; `shape` in the order of PyTorch, the length of a row last.
  ///
  /// - Throws: `.invalidArgument` for a name in use, or when shape, type and number of bytes do not belong together.
  public mutating func addTensor(
    _ name: String, type: SafetensorsType, shape: [Int], bytes: [UInt8]
  ) throws(KingletError) {
    func refuse(_ message: String) -> KingletError {
      KingletError(.invalidArgument, message, at: "tensor \(quoted(name))")
    }
    guard tensors[name] == nil, name != "__metadata__" else { throw refuse("the name is in use") }
    let size = ([type.byteCount] + shape).reduce(1 as Int?) { product, size in
      guard let (value, overflow) = product?.multipliedReportingOverflow(by: size), !overflow else { return nil }
      return value
    }
    guard shape.allSatisfy({ $0 >= 0 }), size == bytes.count else {
      throw refuse("\(bytes.count) bytes do not make \(type.rawValue) values of shape \(shape)")
    }
    tensors[name] = Tensor(name: name, type: type, shape: shape, bytes: bytes)
  }

  /// Adds a tensor of type F32.
  public mutating func addTensor(_ name: String, shape: [Int], floats: [Float]) throws(KingletError) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(floats.count * 4)
    for value in floats { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
    try addTensor(name, type: .f32, shape: shape, bytes: bytes)
  }

  /// The file as bytes in memory.
  public func encoded() -> [UInt8] {
    inOrder.reduce(into: header) { $0.append(contentsOf: $1.bytes) }
  }

  /// Writes the file to `path`, replacing what is there only once all is written.
  ///
  /// - Throws: `.fileUnreadable` when the file cannot be written.
  public func write(to path: String) throws(KingletError) {
    let file = try ReplacementFile(at: path)
    try header.withBytes(file.write)
    for tensor in inOrder { try tensor.bytes.withBytes(file.write) }
    try file.commit()
  }

  /// Wide numbers first, which keeps all of them aligned; then by name.
  private var inOrder: [Tensor] {
    tensors.values.sorted { ($1.type.byteCount, $0.name) < ($0.type.byteCount, $1.name) }
  }

  private var header: [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let texts = metadata.sorted { $0.key < $1.key }.map { "\($0.key.jsonString):\($0.value.jsonString)" }
      members.append("\"__metadata__\":{\(texts.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in inOrder {
      let end = offset + tensor.bytes.count
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(tensor.name.jsonString):{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var text = Array("{\(members.joined(separator: ","))}".utf8)
    // Spaces, so that the data begin at a multiple of eight.
    text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
    return withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text
  }
}
