#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How much memory this process may come to have. What the system does not tell is nil.
public struct MemoryLimits: Sendable, Equatable, Codable {
  public let totalBytes: Int?
  /// What could be had now without swapping.
  public let availableBytes: Int?
  /// The limit of the process's control group, as containers have.
  public let groupLimitBytes: Int?
  /// The limit of address space (`ulimit -v`), in which mapped files count too.
  public let addressSpaceLimitBytes: Int?
  /// When the system gives 2 MB pages: `always`, `madvise` (where asked for, as Kinglet does) or `never`.
  public let hugePages: String?

  public static var current: MemoryLimits {
    #if os(Linux)
      return MemoryLimits(
        totalBytes: SystemFile.byteCount("MemTotal", of: "/proc/meminfo"),
        availableBytes: SystemFile.byteCount("MemAvailable", of: "/proc/meminfo"),
        groupLimitBytes: groupLimit(groups: SystemFile.text("/proc/self/cgroup") ?? "", read: SystemFile.text),
        addressSpaceLimitBytes: addressSpaceLimit,
        hugePages: SystemFile.text("/sys/kernel/mm/transparent_hugepage/enabled").flatMap(chosen))
    #else
      var (total, size) = (0, MemoryLayout<Int>.size)
      let isKnown = sysctlbyname("hw.memsize", &total, &size, nil, 0) == 0
      return MemoryLimits(
        totalBytes: isKnown ? total : nil, availableBytes: nil, groupLimitBytes: nil,
        addressSpaceLimitBytes: nil, hugePages: nil)
    #endif
  }

  #if os(Linux)
    private static var addressSpaceLimit: Int? {
      var limit = rlimit()
      guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < rlim_t(Int.max) else {
        return nil
      }
      return Int(limit.rlim_cur)
    }
  #endif

  /// The least limit of the groups from the process's own, which `groups` names, up to the root of what it can see.
  ///
  /// - Parameters:
  ///   - groups: as in /proc/self/cgroup: `0::/path` for version 2, `4:memory:/path` for version 1.
  ///   - read: the text of a file.
  static func groupLimit(groups: String, read: (String) -> String?) -> Int? {
    var limits: [Int] = []
    for line in groups.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isSecond = fields[0] == "0" && fields[1].isEmpty
      guard isSecond || fields[1].split(separator: ",").contains("memory") else { continue }
      let (root, name) =
        isSecond ? ("/sys/fs/cgroup", "memory.max") : ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
      var path = fields[2].split(separator: "/")
      while true {
        let folder = ([root] + path.map(String.init)).joined(separator: "/")
        if let text = read(folder + "/" + name), let limit = Int(text.filter { !$0.isWhitespace }) {
          limits.append(limit)
        }
        if path.popLast() == nil { break }
      }
    }
    // Version 1 says "none" by the largest number of whole pages.
    return limits.min().flatMap { $0 < Int.max >> 1 ? $0 : nil }
  }

  /// The word in brackets: "always [madvise] never".
  static func chosen(_ text: String) -> String? {
    text.split(whereSeparator: \.isWhitespace).first { $0.first == "[" && $0.last == "]" }.map {
      String($0.dropFirst().dropLast())
    }
  }
}
