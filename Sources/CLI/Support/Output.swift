import Kinglet

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Writes text to standard output at once, so that a stream is seen as it comes.
///
/// - Throws: `.fileUnreadable` when it cannot be written, as on a full disk. (A reader that has gone away ends the process
///   by SIGPIPE, as is usual.)
func standardOutput(_ text: String) throws(KingletError) { try put(text, on: STDOUT_FILENO, named: "standard output") }

/// Writes text to standard error; there is nowhere to report a failure.
func standardError(_ text: String) { try? put(text, on: STDERR_FILENO, named: "standard error") }

private func put(_ text: String, on descriptor: Int32, named name: String) throws(KingletError) {
  guard put(Array(text.utf8), on: descriptor) else {
    throw KingletError(.fileUnreadable, "cannot be written: \(String(cString: strerror(errno)))", at: name)
  }
}

/// Writes all of `bytes`; false when the system takes no more, and `errno` says why.
func put(_ bytes: [UInt8], on descriptor: Int32) -> Bool {
  var rest = bytes
  while !rest.isEmpty {
    let count = write(descriptor, rest, rest.count)
    if count < 0 && errno == EINTR { continue }
    guard count > 0 else { return false }
    // The system may take a part only.
    rest.removeFirst(count)
  }
  return true
}

/// Whether a descriptor is a terminal.
func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

/// All of a file, or of standard input for `-`, as text.
///
/// - Throws: `.fileNotFound` or `.fileUnreadable` naming it; `.invalidArgument` when it is not UTF-8.
func readText(_ path: String) throws(KingletError) -> String {
  let name = path == "-" ? "standard input" : path
  guard let text = String(validating: try readBytes(path), as: UTF8.self) else {
    throw KingletError(.invalidArgument, "is not text in UTF-8", at: name)
  }
  return text
}

/// All bytes of a file, or of standard input for `-`.
func readBytes(_ path: String) throws(KingletError) -> [UInt8] {
  let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY)
  guard descriptor >= 0 else {
    throw KingletError(
      errno == ENOENT ? .fileNotFound : .fileUnreadable, "cannot be opened: \(String(cString: strerror(errno)))",
      at: path)
  }
  defer { if path != "-" { close(descriptor) } }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(descriptor, &buffer, buffer.count)
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else {
      throw KingletError(.fileUnreadable, "cannot be read: \(String(cString: strerror(errno)))", at: path)
    }
    if count == 0 { return bytes }
    bytes += buffer[..<count]
  }
}
