// Safetensors: reads and writes weights in the safetensors format, single files and sharded folders, as its authors
// define it (https://github.com/huggingface/safetensors). Everything in a file is checked before it is used. The room
// knows nothing of models or maths.

import KingletErrors
import KingletFiles

/// An open safetensors file: its table of tensors, and access to their bytes.
///
/// The file is mapped into memory, not read: opening touches the header only. What `GGUFFile` says about mappings holds
/// here too.
public final class SafetensorsFile: Sendable {
  /// The path the file was opened by.
  public let path: String
  /// The size of the file, in bytes.
  public let byteCount: Int
  /// Free text of the file's writer (`__metadata__`).
  public let metadata: [String: String]
  /// All tensors, in the order of their bytes.
  public let tensors: [SafetensorsTensor]

  private let store: ByteStore
  private let tensorIndices: [String: Int]

  /// Opens and validates the file at `path`.
  ///
  /// - Throws: `.fileNotFound` or `.fileUnreadable` when it cannot be opened; `.unsupported` for types of numbers that
  ///   Kinglet does not know; `.fileCorrupt`, naming the tensor, when it breaks the rules of the format.
  public convenience init(path: String) throws(KingletError) {
    try self.init(path: path, store: ByteStore(mapping: path, kind: ".safetensors"))
  }

  /// Reads a file that is already in memory; `name` stands for its path in errors.
  public convenience init(bytes: [UInt8], name: String = "memory") throws(KingletError) {
    try self.init(path: name, store: ByteStore(copying: bytes))
  }

  private init(path: String, store: ByteStore) throws(KingletError) {
    let header: SafetensorsHeader
    do throws(KingletError) {
      header = try SafetensorsHeader(store.bytes)
    } catch {
      throw error.located(in: path)
    }
    self.path = path
    self.store = store
    byteCount = store.bytes.count
    metadata = header.metadata
    tensors = header.tensors
    tensorIndices = Dictionary(uniqueKeysWithValues: header.tensors.enumerated().map { ($1.name, $0) })
  }

  /// The tensor called `name`, or nil when there is none.
  public func tensor(named name: String) -> SafetensorsTensor? {
    tensorIndices[name].map { tensors[$0] }
  }

  /// Calls `body` with the bytes of `tensor`, which must be one of this file's. The pointer is valid during the call.
  public func withBytes<R, E>(
    of tensor: SafetensorsTensor, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    // Tensors are made by a file's validation only, so this is about handing one to another file.
    precondition(tensor.offset + tensor.byteCount <= byteCount, "a tensor of another file")
    return try body(UnsafeRawBufferPointer(rebasing: store.bytes[tensor.offset..<tensor.offset + tensor.byteCount]))
  }

  /// Gives the memory of all bytes read so far back to the system. What is read again is fetched again.
  public func releasePages() { store.releasePages() }
}

/// A tensor as the header of its file describes it.
public struct SafetensorsTensor: Sendable, Equatable {
  /// The name, unique in its file.
  public let name: String
  /// How the values are stored.
  public let type: SafetensorsType
  /// The sizes in the order of PyTorch: the last is the length of a row, whose values are contiguous. Empty for a single
  /// number; sizes may be zero.
  public let shape: [Int]
  /// Where the bytes begin, counted from the start of the file.
  public let offset: Int
  /// How many bytes there are.
  public let byteCount: Int
  /// The product of `shape`.
  public let elementCount: Int
}
