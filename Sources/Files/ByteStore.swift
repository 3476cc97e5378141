import KingletErrors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes that stay in place, unchanged by us, while this object lives: a mapped file or a copy in memory.
///
/// Unchecked, because pointers are not `Sendable`: nothing writes to the bytes after `init`.
package final class ByteStore: @unchecked Sendable {
  package let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// Keeps a copy of `bytes`.
  package init(copying bytes: [UInt8]) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
    copy.copyBytes(from: bytes)
    self.bytes = UnsafeRawBufferPointer(copy)
    self.isMapped = false
  }

  /// Maps the file at `path`, which must be a regular file that is not empty; `kind`, such as ".gguf", is for messages.
  package init(mapping path: String, kind: String) throws(KingletError) {
    guard !path.utf8.contains(0) else {
      throw KingletError(.invalidArgument, "a path cannot contain a zero byte", at: path.debugDescription)
    }
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw openError(errno, path) }
    defer { close(descriptor) }

    let size = try sizeOfRegularFile(descriptor, path, kind)
    guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
      throw KingletError(.fileUnreadable, "the file cannot be mapped: \(systemErrorText(errno))", at: path)
    }
    self.bytes = UnsafeRawBufferPointer(start: address, count: size)
    self.isMapped = true
  }

  deinit {
    let address = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
    if isMapped, let address { munmap(address, bytes.count) } else { address?.deallocate() }
  }

  /// Gives back the memory of a mapped file. Bytes that are read again are fetched again.
  package func releasePages() {
    guard isMapped, let base = bytes.baseAddress else { return }
    madvise(UnsafeMutableRawPointer(mutating: base), bytes.count, MADV_DONTNEED)
  }
}

private func sizeOfRegularFile(_ descriptor: Int32, _ path: String, _ kind: String) throws(KingletError) -> Int {
  var status = stat()
  guard fstat(descriptor, &status) == 0 else {
    throw KingletError(.fileUnreadable, "the file's size is not known: \(systemErrorText(errno))", at: path)
  }
  switch status.st_mode & S_IFMT {
  case S_IFREG: break
  case S_IFDIR:
    throw KingletError(.fileNotFound, "this is a folder", at: path, remedy: "Give the path of a \(kind) file in it")
  default:
    throw KingletError(
      .fileUnreadable, "this is not a regular file", at: path, remedy: "Give the path of a \(kind) file")
  }
  guard status.st_size > 0, let size = Int(exactly: status.st_size) else {
    throw KingletError(.fileCorrupt, "the file is empty", at: path, remedy: "Download it again")
  }
  return size
}

private func openError(_ code: Int32, _ path: String) -> KingletError {
  switch code {
  case ENOENT, ENOTDIR:
    KingletError(.fileNotFound, "there is no such file", at: path.isEmpty ? "\"\"" : path, remedy: "Check the path")
  case EACCES, EPERM:
    KingletError(
      .fileUnreadable, "permission denied", at: path, remedy: "Make the file readable for you, for instance with chmod")
  default:
    KingletError(.fileUnreadable, "the file cannot be opened: \(systemErrorText(code))", at: path)
  }
}
