// GGUF: reads and writes model files in the GGUF format (versions 2 and 3, little-endian), as ggml's `docs/gguf.md`
// defines it. Everything in a file is checked before it is used. The room knows nothing of models or maths.

import KingletErrors
import KingletFiles
import KingletQuants

/// An open GGUF file: its metadata, its table of tensors, and access to their bytes.
///
/// The file is mapped into memory, not read: opening touches the header only, and tensor bytes are paged in when used.
/// The mapping lives as long as this object or any `GGUFArray` or `GGUFStrings` taken from it.
///
/// - Important: A mapping follows its file. Where another process cuts the file short, touching the lost pages kills the
///   process (`SIGBUS`), and no check made earlier can prevent it. So use the mapping while loading, and copy out what is
///   kept.
public final class GGUFFile: Sendable {
  /// The path the file was opened by.
  public let path: String
  /// The version of the format, 2 or 3.
  public let version: Int
  /// The alignment of tensor data, in bytes; a power of two.
  public let alignment: Int
  /// The size of the file, in bytes.
  public let byteCount: Int
  /// The key-value pairs of the header.
  public let metadata: GGUFMetadata
  /// All tensors, in the order of the file's table.
  public let tensors: [GGUFTensor]

  private let store: ByteStore
  private let tensorIndices: [String: Int]

  /// Opens and validates the file at `path`.
  ///
  /// - Throws: `.fileNotFound` or `.fileUnreadable` when it cannot be opened; `.unsupported` for what Kinglet does not
  ///   read (version 1, big-endian files, parts of a split model, unknown tensor types); `.fileCorrupt`, naming the key or
  ///   tensor and the byte offset, when it breaks the rules of the format.
  public convenience init(path: String) throws(KingletError) {
    try self.init(path: path, store: ByteStore(mapping: path, kind: ".gguf"))
  }

  /// Reads a file that is already in memory; `name` stands for its path in errors.
  public convenience init(bytes: [UInt8], name: String = "memory") throws(KingletError) {
    try self.init(path: name, store: ByteStore(copying: bytes))
  }

  private init(path: String, store: ByteStore) throws(KingletError) {
    var cursor = GGUFCursor(store: store, path: path)
    let header = try cursor.header()
    let metadata = try cursor.metadata(count: header.metadataCount)
    let alignment = try metadata.alignment()
    try metadata.refuseSplitFiles()
    let tensors = try cursor.tensors(count: header.tensorCount, alignment: alignment)

    self.path = path
    self.store = store
    self.version = header.version
    self.alignment = alignment
    self.byteCount = store.bytes.count
    self.metadata = metadata
    self.tensors = tensors.inFileOrder
    self.tensorIndices = tensors.indices
  }

  /// The tensor called `name`, or nil when there is none.
  public func tensor(named name: String) -> GGUFTensor? {
    tensorIndices[name].map { tensors[$0] }
  }

  /// Calls `body` with the bytes of `tensor`, which must be one of this file's. The pointer is valid during the call.
  public func withBytes<R, E>(
    of tensor: GGUFTensor, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    // Tensors are made by a file's validation only, so this is about handing one to another file.
    precondition(tensor.offset + tensor.byteCount <= byteCount, "a tensor of another file")
    return try body(UnsafeRawBufferPointer(rebasing: store.bytes[tensor.offset..<tensor.offset + tensor.byteCount]))
  }

  /// The values of a row of a matrix; nil for a type that cannot be read, and where there is no such row.
  public func floats(of matrix: GGUFTensor, row: Int) -> [Float]? {
    guard matrix.dimensions.count == 2, 0..<matrix.dimensions[1] ~= row else { return nil }
    let rowByteCount = matrix.byteCount / matrix.dimensions[1]
    return withBytes(of: matrix) { bytes in
      matrix.type.floats(
        UnsafeRawBufferPointer(rebasing: bytes[row * rowByteCount..<(row + 1) * rowByteCount]))
    }
  }

  /// Gives the memory of all bytes read so far back to the system. What is read again is fetched again.
  ///
  /// Called now and then while tensors are packed, this keeps peak memory near the size of the file: neither their bytes
  /// nor the vocabulary, of 6 MB in some files, stay beside the copy. It takes a few microseconds, as only pages that
  /// were read cost anything.
  public func releasePages() { store.releasePages() }
}

/// A tensor as the table of its file describes it.
public struct GGUFTensor: Sendable, Equatable {
  /// The name, unique in its file.
  public let name: String
  /// One to four sizes in ggml's order: the first is the length of a row, whose values are contiguous.
  public let dimensions: [Int]
  /// How the values are stored.
  public let type: QuantType
  /// Where the bytes begin, counted from the start of the file.
  public let offset: Int
  /// How many bytes there are.
  public let byteCount: Int
  /// The product of `dimensions`.
  public let elementCount: Int

  /// Some rows of a matrix, as a tensor of the same name: files fuse what are several matrices.
  ///
  /// - Returns: Nil when there are not such rows, or this is no matrix.
  public func rows(_ range: Range<Int>) -> GGUFTensor? {
    guard dimensions.count == 2, !range.isEmpty, range.lowerBound >= 0, range.upperBound <= dimensions[1] else {
      return nil
    }
    // Rows are whole blocks, all of a size: none of this exceeds what was checked for the whole.
    let rowByteCount = byteCount / dimensions[1]
    return GGUFTensor(
      name: name, dimensions: [dimensions[0], range.count], type: type,
      offset: offset + range.lowerBound * rowByteCount,
      byteCount: range.count * rowByteCount, elementCount: range.count * dimensions[0])
  }
}
