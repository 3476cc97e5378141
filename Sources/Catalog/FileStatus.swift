#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// What a path leads to. Links are followed: people keep their models elsewhere and link them.
enum FileStatus: Equatable {
  case nothing
  case folder
  /// Anything that can be opened and is no folder, with its size in bytes.
  case file(size: Int)

  init(path: String) {
    var status = stat()
    if stat(path, &status) != 0 {
      self = .nothing
    } else if status.st_mode & S_IFMT == S_IFDIR {
      self = .folder
    } else {
      self = .file(size: Int(status.st_size))
    }
  }

  var isFile: Bool {
    if case .file = self { true } else { false }
  }
}
