import KingletErrors

extension GGUFCursor {
  /// Reads magic, version and the two counts.
  mutating func header() throws(KingletError) -> (version: Int, tensorCount: Int, metadataCount: Int) {
    let magic = try integer("the magic number", as: UInt32.self)
    guard magic == 0x4655_4747 else {  // "GGUF"
      throw corrupt("this is not a GGUF file", at: 0, remedy: "Convert the model to GGUF, or check the download")
    }
    let version = try integer("the version", as: UInt32.self)
    switch version {
    case 2, 3: break
    case 1:
      throw unsupported("GGUF version 1 is not read", remedy: "Convert the model again with a current converter")
    case let swapped where (1...3).contains(swapped.byteSwapped):
      throw unsupported("this is a big-endian GGUF file", remedy: "Use the little-endian file of this model")
    default:
      throw unsupported("GGUF version \(version) is not known; versions 2 and 3 are", remedy: nil)
    }
    // The shortest pair is a key of one byte with a value of one; the shortest tensor has a one-byte name and one
    // dimension.
    let tensorCount = try count("the number of tensors", limit: 1 << 20, minimumByteCount: 33)
    let metadataCount = try count("the number of metadata pairs", limit: 1 << 16, minimumByteCount: 14)
    return (Int(version), tensorCount, metadataCount)
  }

  private func unsupported(_ message: String, remedy: String?) -> KingletError {
    KingletError(.unsupported, message, at: location(4), remedy: remedy)
  }
}

let alignmentKey = "general.alignment"

extension GGUFMetadata {
  /// The alignment of tensor data: `general.alignment`, or 32.
  func alignment() throws(KingletError) -> Int {
    let alignment = try integer(alignmentKey) ?? 32
    guard alignment > 0, alignment.nonzeroBitCount == 1 else {
      throw corrupt(alignmentKey, "an alignment of \(alignment) is no power of two")
    }
    return alignment
  }

  /// Large models are published in parts, each a GGUF file that is of no use alone.
  func refuseSplitFiles() throws(KingletError) {
    let key = "split.count"
    guard let parts = try integer(key), parts > 1 else { return }
    throw KingletError(
      .unsupported, "this is one of \(parts) parts of a split model", at: location(of: key),
      remedy: "Join them with llama-gguf-split --merge")
  }
}
