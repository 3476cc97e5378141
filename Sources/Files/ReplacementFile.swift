import KingletErrors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file in the making, which takes the place of another only when it is whole.
///
/// It is written beside its destination and renamed by `commit`, so that a reader finds the old file or the new, never
/// half of one. Given up before that, for an error or because the work was cancelled, it leaves nothing behind.
package final class ReplacementFile {
  private let path: String
  private let partialPath: String
  private let descriptor: Int32
  private var isOpen = true
  private var isCommitted = false

  /// Begins a file that is to be at `path`.
  ///
  /// - Throws: `.fileUnreadable` when nothing can be written there, or what is there is no plain file.
  package init(at path: String) throws(KingletError) {
    try refuseSpecialFile(path)
    // Two writers of one path must not share their unfinished file.
    partialPath = "\(path).\(String(UInt32.random(in: 0...(.max)), radix: 36)).partial"
    descriptor = open(partialPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw writeError(path) }
    self.path = path
  }

  deinit {
    if isOpen { close(descriptor) }
    if !isCommitted { unlink(partialPath) }
  }

  /// Appends `bytes`.
  ///
  /// - Throws: `.fileUnreadable`, as when the disk is full.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(KingletError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest)
      #if canImport(Darwin)
        let count = Darwin.write(descriptor, piece.baseAddress, piece.count)
      #elseif canImport(Musl)
        let count = Musl.write(descriptor, piece.baseAddress, piece.count)
      #else
        let count = Glibc.write(descriptor, piece.baseAddress, piece.count)
      #endif
      if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { throw writeError(path) }
    }
  }

  /// Puts the finished file in its place.
  package func commit() throws(KingletError) {
    isOpen = false
    guard close(descriptor) == 0, rename(partialPath, path) == 0 else { throw writeError(path) }
    isCommitted = true
  }
}

/// A rename would put a plain file in the place of a device or a pipe; of folders the system takes care.
private func refuseSpecialFile(_ path: String) throws(KingletError) {
  var status = stat()
  guard stat(path, &status) == 0, ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else { return }
  throw KingletError(
    .fileUnreadable, "this is not a regular file", at: path, remedy: "Name a file; it is replaced when all is written")
}

private func writeError(_ path: String) -> KingletError {
  let code = errno
  let isFull = code == ENOSPC || code == EDQUOT
  return KingletError(
    .fileUnreadable, "the file cannot be written: \(systemErrorText(code))", at: path,
    remedy: isFull ? "Make room, or choose another disk; nothing was left behind" : nil)
}
