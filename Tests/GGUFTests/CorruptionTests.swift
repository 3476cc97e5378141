import KingletErrors
import KingletGGUF
import Testing

@Suite("Corrupted GGUF files")
struct CorruptionTests {
  /// Small, yet with every construct of the format.
  private static let valid: [UInt8] = {
    var file = HandmadeFile(tensors: 2, metadata: 6)
    file.key("general.alignment", 4)
    file.u32(8)
    file.key("a.bool", 7)
    file.u8(1)
    file.key("a.float", 12)
    file.u64(Double.pi.bitPattern)
    file.key("tokens", 9)
    file.u32(8)
    file.u64(3)
    for token in ["a", "", "bcd"] { file.string(token) }
    file.key("flags", 9)
    file.u32(7)
    file.u64(2)
    file.u8(0)
    file.u8(1)
    file.key("nested", 9)
    file.u32(9)
    file.u64(1)
    file.u32(3)
    file.u64(2)
    file.u32(0xffff_0001)
    file.tensor("w", [2, 2], type: 1, offset: 0)
    file.tensor("q", [32], type: 8, offset: 8)
    file.data(8 + 34, alignment: 8)
    return file.bytes
  }()
  private static let dataByteCount = 42

  @Test("The file is valid before it is corrupted")
  func valid() throws {
    let file = try GGUFFile(bytes: Self.valid)
    #expect(file.tensors.count == 2)
    #expect(file.metadata.keys.count == 6)
    #expect(useEverything(file))
  }

  @Test("Cut anywhere, it is refused")
  func truncation() {
    for length in 0..<Self.valid.count {
      #expect(throws: KingletError.self, "\(length) bytes") { try GGUFFile(bytes: Array(Self.valid[..<length])) }
    }
  }

  @Test("With any byte of its header changed to any other value, it is refused or reads as a valid file")
  func singleBytes() throws {
    let headerByteCount = Self.valid.count - Self.dataByteCount
    var refused = 0
    for position in 0..<headerByteCount {
      var bytes = Self.valid
      for change in 1...255 as ClosedRange<UInt8> {
        bytes[position] = Self.valid[position] ^ change
        do throws(KingletError) {
          let file = try GGUFFile(bytes: bytes)
          if !useEverything(file) { Issue.record("byte \(position) changed by \(change)") }
        } catch {
          refused += 1
          if error.location == nil { Issue.record("byte \(position) changed by \(change): \(error)") }
        }
      }
    }
    // Most bytes are structure; names, values and the high bits of a float may take other values.
    #expect(refused > headerByteCount * 255 / 2)
  }

  @Test(
    "Filled with a byte from any position on, it is refused or reads as a valid file", arguments: [0, 1, 0x7f, 0xff])
  func filled(byte: UInt8) throws {
    for position in 0..<Self.valid.count {
      let bytes = Self.valid[..<position] + Array(repeating: byte, count: Self.valid.count - position)
      if let file = try? GGUFFile(bytes: Array(bytes)) { #expect(useEverything(file)) }
    }
  }

  /// Reads all that a file offers; true when counts agree.
  private func useEverything(_ file: GGUFFile) -> Bool {
    for key in file.metadata.keys {
      guard let value = file.metadata[key] else { return false }
      guard let array = value.array else { continue }
      let elements = [
        array.integers?.count, array.floats?.count, array.bools?.count, array.arrays?.count,
        array.strings.map { $0.reduce(0) { count, _ in count + 1 } },
      ]
      guard elements.allSatisfy({ $0 == nil || $0 == array.count }) else { return false }
    }
    return file.tensors.allSatisfy { tensor in
      file.tensor(named: tensor.name) == tensor
        && file.withBytes(of: tensor) { $0.reduce(0) { $0 &+ Int($1) } >= 0 && $0.count == tensor.byteCount }
    }
  }
}
