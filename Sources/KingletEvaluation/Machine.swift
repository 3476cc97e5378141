import KingletTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a measurement was made on.
public struct Machine: Sendable, Equatable, Codable {
  /// The processor's own name, where the system tells it.
  public let processor: String
  /// Cores that this process may use.
  public let cores: Int
  /// The kernel table in use.
  public let instructionSet: String

  public static var current: Machine {
    Machine(
      processor: processorName ?? "unknown", cores: ThreadCount.available,
      instructionSet: (try? KernelTable.selected().instructionSet.rawValue) ?? "none")
  }

  private static var processorName: String? {
    #if os(Linux)
      return SystemFile.field("model name", of: "/proc/cpuinfo")
    #else
      var size = 0
      guard sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0) == 0, size > 0 else { return nil }
      var name = [UInt8](repeating: 0, count: size)
      guard sysctlbyname("machdep.cpu.brand_string", &name, &size, nil, 0) == 0 else { return nil }
      return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    #endif
  }

  /// The most memory this process has had resident, in bytes.
  public static var peakMemoryByteCount: Int {
    #if os(Linux)
      // Not `getrusage`, whose figure begins with the size of whoever started the process.
      return SystemFile.byteCount("VmHWM", of: "/proc/self/status") ?? 0
    #else
      var usage = rusage()
      guard getrusage(RUSAGE_SELF, &usage) == 0 else { return 0 }
      return usage.ru_maxrss
    #endif
  }

  /// What this process has resident, in bytes; 0 where the system does not tell.
  static var residentMemoryByteCount: Int {
    #if os(Linux)
      return SystemFile.byteCount("VmRSS", of: "/proc/self/status") ?? 0
    #else
      return 0
    #endif
  }
}
