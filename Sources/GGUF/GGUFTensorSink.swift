import KingletErrors
import KingletFiles
import KingletQuants

/// Where the bytes of a tensor go while its file is written: from front to back, in as many pieces as its producer likes.
///
/// A sink reports progress and notices cancellation every few megabytes, so a producer only has to write.
public final class GGUFTensorSink {
  /// How many bytes the tensor still needs.
  public private(set) var remainingByteCount = 0

  /// How the tensor is stored.
  public private(set) var type = QuantType.f32

  private let emit: (UnsafeRawBufferPointer) throws(KingletError) -> Void
  private let progress: (Double) -> Void
  private let isCancelled: () -> Bool
  private let totalByteCount: Int
  private var writtenByteCount = 0

  init(
    totalByteCount: Int, emit: @escaping (UnsafeRawBufferPointer) throws(KingletError) -> Void,
    progress: @escaping (Double) -> Void, isCancelled: @escaping () -> Bool
  ) {
    self.totalByteCount = totalByteCount
    self.emit = emit
    self.progress = progress
    self.isCancelled = isCancelled
  }

  /// Appends `bytes` to the tensor.
  ///
  /// - Throws: `.invalidArgument` when they are more than the tensor has; `.cancelled`; `.fileUnreadable` when the disk is
  ///   full or the file cannot be written for another reason. Hand errors on: the file is given up.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(KingletError) {
    guard bytes.count <= remainingByteCount else {
      throw KingletError(.invalidArgument, "\(bytes.count - remainingByteCount) bytes more than the tensor takes")
    }
    let pieceByteCount = 4 << 20
    for start in stride(from: 0, to: bytes.count, by: pieceByteCount) {
      if isCancelled() { throw KingletError(.cancelled, "the writing of the file was cancelled") }
      let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + pieceByteCount, bytes.count)])
      try emit(piece)
      remainingByteCount -= piece.count
      writtenByteCount += piece.count
      progress(Double(writtenByteCount) / Double(totalByteCount))
    }
  }

  /// Appends `bytes` to the tensor; throws as the other `write` does.
  public func write(_ bytes: [UInt8]) throws(KingletError) {
    try bytes.withBytes(write)
  }

  /// Appends `values`, whole blocks of the tensor's type, in that type.
  ///
  /// - Throws: As the other `write` does, and `.unsupported` when nothing can be quantised to the type.
  public func write(floats values: [Float]) throws(KingletError) {
    guard let bytes = type.bytes(values) else {
      throw KingletError(.unsupported, "\(values.count) floats cannot be stored as \(type.name)")
    }
    try write(bytes)
  }

  /// Takes the bytes of one tensor from `produce`, which must write all of them.
  func collect(_ byteCount: Int, of type: QuantType, from produce: GGUFWriter.Producer) throws(KingletError) {
    self.type = type
    remainingByteCount = byteCount
    try produce(self)
    guard remainingByteCount == 0 else {
      throw KingletError(.invalidArgument, "\(remainingByteCount) of its \(byteCount) bytes were not written")
    }
  }
}
