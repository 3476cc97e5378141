import KingletErrors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder in the making, which gets its name only when all of its files are written.
///
/// Given up before that it leaves nothing behind. A folder that is there already and has anything in it is left alone.
package final class ReplacementFolder {
  private let path: String
  private let partialPath: String
  private var names: [String] = []
  private var isCommitted = false

  /// Begins a folder that is to be at `path`.
  ///
  /// - Throws: `.invalidArgument` when there is a file, or a folder that is not empty; `.fileUnreadable` when none can be
  ///   made there.
  package init(at path: String) throws(KingletError) {
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    // Of what is there, only an empty folder can be removed so; made again at once, where the rename will replace it.
    if fileExists(path) {
      guard rmdir(path) == 0, mkdir(path, 0o777) == 0 else {
        throw KingletError(
          .invalidArgument, "there is something already", at: path,
          remedy: "Name a folder that does not exist, or an empty one; nothing was changed")
      }
    }
    self.path = path
    partialPath = "\(path).\(String(UInt32.random(in: 0...(.max)), radix: 36)).partial"
    guard mkdir(partialPath, 0o777) == 0 else { throw folderError(path) }
  }

  deinit {
    guard !isCommitted else { return }
    for name in names { unlink("\(partialPath)/\(name)") }
    rmdir(partialPath)
  }

  /// Where the file called `name` is to be written.
  package func place(of name: String) -> String {
    names.append(name)
    return "\(partialPath)/\(name)"
  }

  /// Puts the finished folder in its place.
  package func commit() throws(KingletError) {
    guard rename(partialPath, path) == 0 else { throw folderError(path) }
    isCommitted = true
  }
}

private func folderError(_ path: String) -> KingletError {
  KingletError(.fileUnreadable, "the folder cannot be made: \(systemErrorText(errno))", at: path)
}
