import KingletErrors
import KingletFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the system knows of a file without reading it.
public struct FileState: Sendable, Equatable {
  public let size: Int
  /// Nanoseconds since 1970.
  public let modified: Int

  /// Of a regular file (links are followed); nil when there is none.
  public init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    size = Int(status.st_size)
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    modified = Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec)
  }
}

/// All bytes of a regular file. Read, not mapped: a file that shrinks meanwhile must not end the process.
///
/// - Parameter limit: the most bytes that are taken.
/// - Throws: `.fileNotFound`, `.fileUnreadable`; `.unsupported` for a file beyond the limit.
public func readFile(_ path: String, limit: Int) throws(KingletError) -> [UInt8] {
  guard !path.utf8.contains(0) else {
    throw KingletError(.invalidArgument, "a path cannot contain a zero byte", at: path.debugDescription)
  }
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else {
    throw KingletError(
      errno == ENOENT || errno == ENOTDIR ? .fileNotFound : .fileUnreadable,
      "the file cannot be opened: \(systemErrorText(errno))", at: path)
  }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
    throw KingletError(.fileUnreadable, "this is not a regular file", at: path)
  }
  let size = Int(status.st_size)
  guard size <= limit else {
    throw KingletError(
      .unsupported, "\(size) bytes are more than the limit of \(limit)", at: path,
      remedy: "Split the file, or raise the limit")
  }
  var bytes = [UInt8](repeating: 0, count: size)
  var filled = 0
  while filled < size {
    let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.map { $0 + filled }, size - filled) }
    if count < 0, errno == EINTR { continue }
    guard count >= 0 else {
      throw KingletError(.fileUnreadable, "the file cannot be read: \(systemErrorText(errno))", at: path)
    }
    if count == 0 { break }
    filled += count
  }
  bytes.removeLast(size - filled)
  return bytes
}

/// The first bytes of a regular file; nil if it cannot be read.
func readBeginning(of path: String, count: Int) -> [UInt8]? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes = [UInt8](repeating: 0, count: count)
  let filled = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, count) }
  return filled < 0 ? nil : Array(bytes[..<filled])
}
