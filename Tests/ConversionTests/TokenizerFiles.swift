import Foundation
import KingletGGUF
import KingletTokenizers

@testable import KingletConversion

/// A folder of tokenizer files made up for a test; it is deleted with the object.
final class TokenizerFiles {
  let path = NSTemporaryDirectory() + "kinglet-tokenizer-\(UUID().uuidString)"

  init(_ files: [String: String] = [:]) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in files { try write(name, Array(text.utf8)) }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
  }

  func metadata(size: Int? = nil, architecture: String = "llama") throws -> GGUFMetadata {
    let pairs = try TokenizerConversion.metadata(
      folder: path, vocabularySize: size, architecture: architecture)
    return GGUFMetadata(pairs, name: path)
  }

  func tokenizer(size: Int? = nil, architecture: String = "llama") throws -> Tokenizer {
    try Tokenizer.load(from: metadata(size: size, architecture: architecture))
  }
}

/// A string as JSON.
func quoted(_ text: String) -> String {
  var json = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"", "\\": json += "\\" + String(scalar)
    case "\u{0}"..."\u{1F}": json += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
    default: json.unicodeScalars.append(scalar)
    }
  }
  return json + "\""
}

/// A message in the encoding of Protocol Buffers.
struct ProtobufMessage {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ field: Int, integer: Int) { append(field << 3); append(integer) }

  mutating func add(_ field: Int, float: Float) {
    append(field << 3 | 5)
    bytes += (0..<4).map { UInt8(truncatingIfNeeded: float.bitPattern >> (8 * UInt32($0))) }
  }

  mutating func add(_ field: Int, bytes content: [UInt8]) {
    append(field << 3 | 2)
    append(content.count)
    bytes += content
  }

  private mutating func append(_ number: Int) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// A SentencePiece model.
  static func sentencePiece(
    _ pieces: [(text: String, score: Float, kind: Int)], type: Int, charsmap: [UInt8] = [], addsSpacePrefix: Bool = true
  ) -> [UInt8] {
    var model = ProtobufMessage()
    for piece in pieces {
      var message = ProtobufMessage()
      message.add(1, bytes: Array(piece.text.utf8))
      message.add(2, float: piece.score)
      if piece.kind != 1 { message.add(3, integer: piece.kind) }
      model.add(1, bytes: message.bytes)
    }
    var trainer = ProtobufMessage()
    trainer.add(3, integer: type)
    model.add(2, bytes: trainer.bytes)
    var normalizer = ProtobufMessage()
    if !charsmap.isEmpty { normalizer.add(2, bytes: charsmap) }
    normalizer.add(3, integer: addsSpacePrefix ? 1 : 0)
    model.add(3, bytes: normalizer.bytes)
    return model.bytes
  }
}
