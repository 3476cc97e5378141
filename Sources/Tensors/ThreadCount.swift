#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How many threads are worth having: the cores this process may use.
public enum ThreadCount {
  /// Cores by affinity, bounded by the CPU quota of the process's control group (a container with `--cpus 2` on a machine
  /// of 64 cores gets 2).
  public static let available: Int = max(1, min(affinity, quota ?? Int.max))

  /// Cores that this process may be scheduled on.
  public static var affinity: Int {
    #if os(Linux)
      return ProcessorSet(of: 0)?.count ?? online
    #else
      return online
    #endif
  }

  /// Cores that are switched on.
  public static var online: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// Whole cores granted by cgroup v2 (`cpu.max`: "quota period") or v1 (`cpu.cfs_quota_us`), rounded up; nil for no limit.
  public static var quota: Int? {
    #if os(Linux)
      if let text = readSmallFile("/sys/fs/cgroup/cpu.max") { return cores(quotaAndPeriod: text) }
      guard let quota = readSmallFile("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
        let period = readSmallFile("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
      else { return nil }
      return cores(quotaAndPeriod: quota + " " + period)
    #else
      return nil
    #endif
  }

  /// "200000 100000" is 2 cores; "max 100000" and "-1 100000" are no limit.
  static func cores(quotaAndPeriod text: String) -> Int? {
    let words = text.split(whereSeparator: \.isWhitespace)
    guard words.count == 2, let quota = Int(words[0]), let period = Int(words[1]), quota > 0, period > 0 else {
      return nil
    }
    return quota / period + (quota % period == 0 ? 0 : 1)
  }

  private static func readSmallFile(_ path: String) -> String? {
    let file = open(path, O_RDONLY)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = read(file, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }
}
