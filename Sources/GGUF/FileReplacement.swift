import KingletErrors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes `parts` to a file beside `path`, then renames it, so that a reader finds the old file or the new, never half.
func replaceFile(at path: String, with parts: [[UInt8]]) throws(KingletError) {
  let partial = "\(path).\(getpid()).partial"
  let descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
  guard descriptor >= 0 else { throw writeError(path) }
  do {
    defer { close(descriptor) }
    for part in parts { try writeAll(part, to: descriptor, path) }
  } catch {
    unlink(partial)
    throw error
  }
  guard rename(partial, path) == 0 else {
    let error = writeError(path)
    unlink(partial)
    throw error
  }
}

private func writeAll(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(KingletError) {
  var done = 0
  while done < bytes.count {
    let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done) }
    if count > 0 { done += count } else if errno != EINTR { throw writeError(path) }
  }
}

private func writeError(_ path: String) -> KingletError {
  KingletError(.fileUnreadable, "the file cannot be written: \(systemErrorText(errno))", at: path)
}
