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
  private let stream: UnsafeMutablePointer<FILE>
  private var isFinished = false

  init(path: String) throws(KingletError) {
    guard let stream = fopen(path, "wb") else {
      throw KingletError(.fileUnreadable, "cannot be made: \(String(cString: strerror(errno)))", at: path)
    }
    self.path = path
    self.stream = stream
  }

  deinit {
    fclose(stream)
    if !isFinished, isPlainFile { unlink(path) }
  }

  /// Appends floats, little-endian, as they lie in memory on every platform Kinglet runs on.
  func write(_ values: borrowing [Float]) throws(KingletError) {
    let written = (copy values).withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, stream) }
    if written != values.count * MemoryLayout<Float>.stride { throw failure() }
  }

  /// Writes out what is buffered; only then is the file whole.
  func finish() throws(KingletError) {
    guard fflush(stream) == 0 else { throw failure() }
    isFinished = true
  }

  /// Asked of the path, not of the open file: what a link such as /dev/stdout leads to is not ours to remove.
  private var isPlainFile: Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  private func failure() -> KingletError {
    KingletError(
      .fileUnreadable, "cannot be written: \(String(cString: strerror(errno)))", at: path,
      remedy: "Make room, or choose another place" + (isPlainFile ? "; the incomplete file is removed" : ""))
  }
}
