import KingletErrors
import KingletFiles

/// The checked header of a file: eight bytes with the length of a JSON object, then that object.
///
/// The object maps the name of each tensor to its type, its shape and where its bytes lie, counted from the end of the
/// header. Together the tensors must cover the rest of the file, without holes and without sharing a byte.
struct SafetensorsHeader {
  let metadata: [String: String]
  /// In the order of their bytes.
  let tensors: [SafetensorsTensor]

  private static let metadataKey = "__metadata__"
  private static let lengthByteCount = 8
  /// The limit of the reference implementation.
  private static let largestByteCount = 100_000_000

  init(_ bytes: UnsafeRawBufferPointer) throws(KingletError) {
    let text = try Self.text(bytes)
    let members: [JSONValue.Member]
    do throws(KingletError) {
      members = try JSONValue(text).members ?? []
    } catch {
      throw KingletError(.fileCorrupt, error.message, at: "header, \(error.location ?? "")")
    }
    let dataStart = Self.lengthByteCount + text.utf8.count
    var metadata: [String: String] = [:]
    var tensors: [SafetensorsTensor] = []
    var names: Set<String> = []
    for member in members {
      guard names.insert(member.key).inserted else { throw corrupt(member.key, "the name appears twice") }
      if member.key == Self.metadataKey {
        metadata = try Self.texts(member.value)
      } else {
        tensors.append(try Self.tensor(member, dataStart: dataStart, byteCount: bytes.count))
      }
    }
    // Empty tensors share their offset with the tensor after them.
    tensors.sort { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }
    try Self.refuseHoles(tensors, from: dataStart, to: bytes.count)
    self.metadata = metadata
    self.tensors = tensors
  }

  private static func text(_ bytes: UnsafeRawBufferPointer) throws(KingletError) -> String {
    guard bytes.count >= lengthByteCount else {
      throw KingletError(
        .fileCorrupt, "\(bytes.count) bytes are too few for a safetensors file", at: "header",
        remedy: incompleteFileRemedy)
    }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= UInt64(largestByteCount) else {
      throw KingletError(
        .fileCorrupt, "this is not a safetensors file: a header of \(length) bytes is beyond all bounds", at: "header")
    }
    guard length <= UInt64(bytes.count - lengthByteCount) else {
      throw KingletError(
        .fileCorrupt, "the header takes \(length) bytes, but the file ends after \(bytes.count - lengthByteCount)",
        at: "header", remedy: incompleteFileRemedy)
    }
    let header = bytes[lengthByteCount..<lengthByteCount + Int(length)]
    guard header.first == UInt8(ascii: "{"), let text = String(validating: header, as: UTF8.self) else {
      throw KingletError(.fileCorrupt, "the header is no JSON object in UTF-8", at: "header")
    }
    return text
  }

  private static func texts(_ value: JSONValue) throws(KingletError) -> [String: String] {
    var texts: [String: String] = [:]
    guard let members = value.members else { throw corrupt(metadataKey, "this is no object") }
    for member in members {
      guard let text = member.value.string else { throw corrupt(metadataKey, "\(quoted(member.key)) is no text") }
      guard texts.updateValue(text, forKey: member.key) == nil else {
        throw corrupt(metadataKey, "\(quoted(member.key)) appears twice")
      }
    }
    return texts
  }

  private static func tensor(
    _ member: JSONValue.Member, dataStart: Int, byteCount: Int
  ) throws(KingletError) -> SafetensorsTensor {
    let name = member.key
    guard let members = member.value.members, Set(members.map(\.key)) == ["dtype", "shape", "data_offsets"],
      members.count == 3
    else { throw corrupt(name, "a tensor has dtype, shape and data_offsets, each once, and nothing else") }
    guard let typeName = member.value["dtype"]?.string else { throw corrupt(name, "dtype is no text") }
    guard let type = SafetensorsType(rawValue: typeName) else {
      throw KingletError(
        .unsupported, "numbers of type \(quoted(typeName)) are not read", at: "tensor \(quoted(name))",
        remedy: "Known are \(SafetensorsType.allCases.map(\.rawValue).joined(separator: " "))")
    }
    let shape = try sizes(member.value["shape"], of: name, "shape")
    let offsets = try sizes(member.value["data_offsets"], of: name, "data_offsets")
    let size = ([type.byteCount] + shape).reduce(1 as Int?) { product, size in
      guard let (value, overflow) = product?.multipliedReportingOverflow(by: size), !overflow else { return nil }
      return value
    }
    guard let size else { throw corrupt(name, "a shape of \(shape) is beyond 64 bits") }
    guard offsets.count == 2, offsets[0] <= offsets[1], offsets[1] - offsets[0] == size else {
      throw corrupt(name, "data_offsets \(offsets) are not the \(size) bytes of \(typeName) values of shape \(shape)")
    }
    guard offsets[1] <= byteCount - dataStart else {
      throw corrupt(
        name, "the data end at byte \(offsets[1]), beyond the file's \(byteCount - dataStart) bytes of data",
        remedy: incompleteFileRemedy)
    }
    return SafetensorsTensor(
      name: name, type: type, shape: shape, offset: dataStart + offsets[0], byteCount: size,
      elementCount: size / type.byteCount)
  }

  private static func sizes(_ value: JSONValue?, of name: String, _ key: String) throws(KingletError) -> [Int] {
    var sizes: [Int] = []
    guard let elements = value?.array else { throw corrupt(name, "\(key) is no list") }
    for element in elements {
      guard case .integer(let size) = element, size >= 0 else {
        throw corrupt(name, "\(key) has an element that is no size")
      }
      sizes.append(size)
    }
    return sizes
  }

  private static func refuseHoles(_ tensors: [SafetensorsTensor], from start: Int, to end: Int) throws(KingletError) {
    var offset = start
    for tensor in tensors {
      guard tensor.offset >= offset else {
        throw corrupt(tensor.name, "the data overlap those of another tensor")
      }
      guard tensor.offset == offset else {
        throw corrupt(tensor.name, "\(tensor.offset - offset) bytes before the data belong to no tensor")
      }
      offset += tensor.byteCount
    }
    guard offset == end else {
      throw KingletError(.fileCorrupt, "\(end - offset) bytes at the end belong to no tensor", at: "header")
    }
  }
}

private func corrupt(_ name: String, _ message: String, remedy: String? = nil) -> KingletError {
  KingletError(.fileCorrupt, message, at: "tensor \(quoted(name))", remedy: remedy)
}
