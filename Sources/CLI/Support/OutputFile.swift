import Kinglet

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A binary file that is written front to back. A file that could not be finished is removed; a device or a pipe is not.
final class OutputFile {
  private let path: String
  private let descriptor: Int32
  private var isOpen = true
  private var isFinished = false

  init(path: String) throws(KingletError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
    guard descriptor >= 0 else {
      throw KingletError(.fileUnreadable, "cannot be made: \(String(cString: strerror(errno)))", at: path)
    }
    self.path = path
    self.descriptor = descriptor
  }

  deinit {
    if isOpen { close(descriptor) }
    if !isFinished, isPlainFile { unlink(path) }
  }

  /// Appends floats, little-endian.
  func write(_ values: borrowing [Float]) throws(KingletError) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * MemoryLayout<Float>.size)
    for index in values.indices {
      let bits = values[index].bitPattern
      for byte in 0..<4 as Range<UInt32> { bytes.append(UInt8(truncatingIfNeeded: bits >> (8 * byte))) }
    }
    guard put(bytes, on: descriptor) else { throw unwritable() }
  }

  /// Closes the file; only then is it whole.
  func finish() throws(KingletError) {
    isOpen = false
    isFinished = close(descriptor) == 0
    if !isFinished { throw unwritable() }
  }

  /// Asked of the path, not of the open file: what a link such as /dev/stdout leads to is not ours to remove.
  private var isPlainFile: Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  private func unwritable() -> KingletError {
    KingletError(
      .fileUnreadable, "cannot be written: \(String(cString: strerror(errno)))", at: path,
      remedy: "Make room, or choose another place" + (isPlainFile ? "; the incomplete file is removed" : ""))
  }
}
