#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Files that the kernel makes up as they are read, such as those in /proc and /sys. (They have no size to map or to
/// allocate by, so they are read piece by piece.)
enum SystemFile {
  /// All of a file, or nil where there is none.
  static func text(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var (bytes, piece) = ([UInt8](), [UInt8](repeating: 0, count: 4096))
    while case let count = fread(&piece, 1, piece.count, file), count > 0 { bytes += piece[..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What follows `name:` in the first line that begins so.
  static func field(_ name: String, of path: String) -> String? {
    guard let line = text(path)?.split(separator: "\n").first(where: { $0.hasPrefix(name) }),
      let colon = line.firstIndex(of: ":")
    else { return nil }
    return String(line[line.index(after: colon)...].drop(while: \.isWhitespace))
  }

  /// "MemTotal:  1234 kB" in bytes.
  static func byteCount(_ name: String, of path: String) -> Int? {
    guard let kilobytes = field(name, of: path)?.split(separator: " ").first.flatMap({ Int($0) }) else { return nil }
    let (bytes, overflow) = kilobytes.multipliedReportingOverflow(by: 1 << 10)
    return overflow ? nil : bytes
  }
}
