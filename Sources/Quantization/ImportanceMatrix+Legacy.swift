import KingletErrors
import KingletFiles

extension ImportanceMatrix {
  /// Reads the format that llama.cpp wrote before it took to GGUF (`.dat`): little-endian 32-bit numbers, names after
  /// their length.
  ///
  /// - Throws: `.fileCorrupt`, with the byte offset, when the file breaks off or has impossible numbers.
  init(legacy store: ByteStore, path: String) throws(KingletError) {
    var reader = LegacyReader(bytes: store.bytes, path: path)
    self.init()
    for _ in 0..<(try reader.count(least: 1)) {
      let name = try reader.text()
      // Sums are stored as means times the number of chunks.
      let chunks = try reader.count(least: 0)
      let sums = try reader.floats()
      entries[name] = Entry(sums: sums, counts: [Float(max(1, chunks))])
    }
    // What follows was added to the format later.
    guard !reader.isAtEnd else { return }
    chunkCount = try reader.count(least: 0)
    if !reader.isAtEnd { datasets = [try reader.text()] }
  }
}

private struct LegacyReader {
  let bytes: UnsafeRawBufferPointer
  let path: String
  private var offset = 0

  init(bytes: UnsafeRawBufferPointer, path: String) {
    self.bytes = bytes
    self.path = path
  }

  var isAtEnd: Bool { offset == bytes.count }

  /// The next `count` values of `size` bytes, which must be there.
  private mutating func take(_ count: Int, of size: Int) throws(KingletError) -> UnsafeRawBufferPointer {
    guard count <= (bytes.count - offset) / size else {
      throw KingletError(.fileCorrupt, "is no importance matrix, or breaks off", at: "\(path): byte \(offset)")
    }
    defer { offset += count * size }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count * size])
  }

  mutating func count(least: Int32) throws(KingletError) -> Int {
    let start = offset
    let value = Int32(littleEndian: try take(1, of: 4).loadUnaligned(as: Int32.self))
    guard value >= least else {
      throw KingletError(.fileCorrupt, "is no importance matrix: a count is \(value)", at: "\(path): byte \(start)")
    }
    return Int(value)
  }

  mutating func text() throws(KingletError) -> String {
    String(decoding: try take(try count(least: 0), of: 1), as: UTF8.self)
  }

  mutating func floats() throws(KingletError) -> [Float] {
    let start = offset
    let count = try count(least: 1)
    let raw = try take(count, of: 4)
    let values = (0..<count).map {
      Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
    }
    guard values.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
      throw KingletError(.fileCorrupt, "holds a negative or infinite number", at: "\(path): byte \(start)")
    }
    return values
  }
}
