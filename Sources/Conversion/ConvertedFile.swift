import KingletErrors
import KingletFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// GGUF files of Hugging Face folders that are used as if they were models: converted once, and kept in the user's cache
/// until the folder changes.
///
/// A file, rather than memory, because a file is mapped, shared by processes and there the next time.
public struct ConvertedFile: Sendable {
  /// Where the GGUF file is, or will be.
  public let path: String
  private let folder: String

  /// The converted file of `folder`, kept below `cache`.
  ///
  /// Its name follows from the folder's path and from names, sizes and times of the files in it, so a folder that has
  /// changed is converted again.
  ///
  /// - Throws: `.fileNotFound` or `.fileUnreadable` when the folder cannot be listed.
  public init(of folder: String, cache: String) throws(KingletError) {
    var state = Fingerprint()
    for name in try names(in: folder) {
      var status = stat()
      guard stat("\(folder)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      state.add(name)
      state.add("\(status.st_size) \(modificationTime(status))")
    }
    var place = Fingerprint()
    place.add(absolute(folder))
    let name = folder.split(separator: "/").last ?? "model"
    self.folder = folder
    path = "\(cache)/\(name)-\(place.text)-\(state.text).gguf"
  }

  /// Whether the conversion has been done.
  public var isPresent: Bool { fileExists(path) }

  /// Converts the folder, with weights as they are, unless that has been done; older conversions of it are removed.
  ///
  /// - Throws: What `HuggingFaceModel` throws.
  public func make(
    progress: @escaping (Double) -> Void = { _ in }, isCancelled: @escaping () -> Bool = { false }
  ) throws(KingletError) {
    if isPresent { return }
    let model = try HuggingFaceModel(folder: folder)
    let cache = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    try makeFolder(cache)
    try model.write(to: path, progress: progress, isCancelled: isCancelled)
    let mine = path.dropFirst(cache.count + 1)
    // All but the state of the folder.
    let stem = mine.dropLast(Fingerprint.digitCount + ".gguf".count)
    for name in try names(in: cache) where name.hasPrefix(stem) && name.hasSuffix(".gguf") && name != mine {
      unlink("\(cache)/\(name)")
    }
  }
}

/// A number that stands for texts (FNV-1a, 64 bits); nothing but a change of files relies on it.
private struct Fingerprint {
  static let digitCount = 16
  private var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ text: String) {
    for byte in Array(text.utf8) + [0] { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }

  var text: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: Self.digitCount - digits.count) + digits
  }
}

/// The names in a folder, sorted.
private func names(in folder: String) throws(KingletError) -> [String] {
  guard let handle = opendir(folder) else {
    let code = errno
    throw KingletError(
      code == ENOENT ? .fileNotFound : .fileUnreadable, "the folder cannot be read: \(systemErrorText(code))",
      at: folder)
  }
  defer { closedir(handle) }
  var names: [String] = []
  while let entry = readdir(handle) {
    names.append(withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
  }
  return names.sorted()
}

private func absolute(_ path: String) -> String {
  guard let resolved = realpath(path, nil) else { return path }
  defer { free(resolved) }
  return String(cString: resolved)
}

private func modificationTime(_ status: stat) -> String {
  #if canImport(Darwin)
    "\(status.st_mtimespec.tv_sec).\(status.st_mtimespec.tv_nsec)"
  #else
    "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
  #endif
}

/// Makes a folder and those above it, where they are missing.
private func makeFolder(_ path: String) throws(KingletError) {
  var made = path.hasPrefix("/") ? "" : "."
  for part in path.split(separator: "/") {
    made += "/\(part)"
    guard mkdir(made, 0o755) == 0 || errno == EEXIST else {
      throw KingletError(.fileUnreadable, "the folder cannot be made: \(systemErrorText(errno))", at: made)
    }
  }
}
