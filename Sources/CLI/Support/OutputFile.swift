import Foundation
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
  private let handle: FileHandle
  private var isFinished = false

  init(path: String) throws(KingletError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
    guard descriptor >= 0 else {
      throw KingletError(.fileUnreadable, "cannot be made: \(String(cString: strerror(errno)))", at: path)
    }
    self.path = path
    handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  deinit { if !isFinished, isPlainFile { unlink(path) } }

  /// Appends floats, little-endian, as they lie in memory on every platform Kinglet runs on.
  func write(_ values: borrowing [Float]) throws(KingletError) {
    try attempt { try handle.write(contentsOf: (copy values).withUnsafeBytes { Data($0) }) }
  }

  /// Closes the file; only then is it whole.
  func finish() throws(KingletError) {
    try attempt { try handle.close() }
    isFinished = true
  }

  /// Asked of the path, not of the open file: what a link such as /dev/stdout leads to is not ours to remove.
  private var isPlainFile: Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  private func attempt(_ operation: () throws -> Void) throws(KingletError) {
    do {
      try operation()
    } catch {
      throw KingletError(
        .fileUnreadable, "cannot be written: \(String(cString: strerror(errno)))", at: path,
        remedy: "Make room, or choose another place" + (isPlainFile ? "; the incomplete file is removed" : ""))
    }
  }
}
