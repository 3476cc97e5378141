import KingletErrors
import KingletFiles
import KingletGGUF
import KingletQuants

private let sumsSuffix = ".in_sum2"
private let countsSuffix = ".counts"

extension ImportanceMatrix {
  /// Reads a file as `write` makes it, or one of the older format that llama.cpp also reads.
  ///
  /// - Throws: `.fileNotFound` or `.fileUnreadable` when it cannot be opened; `.fileCorrupt` when it is no importance
  ///   matrix, naming the tensor that is incomplete or not finite.
  public init(path: String) throws(KingletError) {
    let store = try ByteStore(mapping: path, kind: "importance matrix")
    if store.bytes.prefix(4).elementsEqual("GGUF".utf8) {
      try self.init(GGUFFile(path: path))
    } else {
      try self.init(legacy: store, path: path)
    }
    self.path = path
  }

  init(_ file: GGUFFile) throws(KingletError) {
    let metadata = file.metadata
    let chunkCount = try metadata.requiredInteger("imatrix.chunk_count")
    let chunkSize = try metadata.requiredInteger("imatrix.chunk_size")
    let datasets = try metadata.requiredStrings("imatrix.datasets")
    self.init(datasets: Array(datasets), chunkCount: max(0, chunkCount), chunkSize: max(0, chunkSize))
    for tensor in file.tensors where tensor.name.hasSuffix(sumsSuffix) {
      let name = String(tensor.name.dropLast(sumsSuffix.count))
      guard let counts = file.tensor(named: name + countsSuffix) else {
        throw KingletError(.fileCorrupt, "the tensor is missing", at: "\(file.path): \(name)\(countsSuffix)")
      }
      let entry = Entry(sums: try file.floats(of: tensor), counts: try file.floats(of: counts))
      guard entry.sums.count % entry.counts.count == 0 else {
        throw KingletError(
          .fileCorrupt, "\(entry.counts.count) counts do not go with \(entry.sums.count) sums",
          at: "\(file.path): \(name)")
      }
      entries[name] = entry
    }
    guard !entries.isEmpty else {
      throw KingletError(.fileCorrupt, "holds no importance matrix", at: file.path)
    }
  }

  /// Writes the matrix to `path`, replacing what is there.
  ///
  /// - Throws: `.fileUnreadable` when the file cannot be written; `.invalidArgument` for an entry that is impossible.
  public func write(to path: String) throws(KingletError) {
    var writer = GGUFWriter()
    writer["general.type"] = .string("imatrix")
    writer["imatrix.datasets"] = .array(GGUFArray(datasets))
    writer["imatrix.chunk_count"] = .uint32(UInt32(clamping: chunkCount))
    writer["imatrix.chunk_size"] = .uint32(UInt32(clamping: chunkSize))
    for (name, entry) in entries.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      let matrices = entry.counts.count
      guard matrices > 0, entry.sums.count % matrices == 0 else {
        throw KingletError(.invalidArgument, "\(matrices) counts do not go with \(entry.sums.count) sums", at: name)
      }
      try writer.addTensor(
        name + sumsSuffix, dimensions: [entry.sums.count / matrices, matrices], floats: entry.sums)
      try writer.addTensor(name + countsSuffix, dimensions: [1, matrices], floats: entry.counts)
    }
    try writer.write(to: path)
  }
}

extension GGUFFile {
  /// The values of an F32 tensor, which must be finite and not negative.
  fileprivate func floats(of tensor: GGUFTensor) throws(KingletError) -> [Float] {
    guard tensor.type == .f32 else {
      throw KingletError(.fileCorrupt, "is of type \(tensor.type.name) and not F32", at: "\(path): \(tensor.name)")
    }
    let values = withBytes(of: tensor) { bytes in
      (0..<tensor.elementCount).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    guard values.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
      throw KingletError(.fileCorrupt, "holds a negative or infinite number", at: "\(path): \(tensor.name)")
    }
    return values
  }
}
