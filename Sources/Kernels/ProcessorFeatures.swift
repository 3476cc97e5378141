import CIntrinsics

/// What this processor and its operating system offer beyond the baseline, by the names that compilers use.
public enum ProcessorFeatures {
  #if arch(x86_64)
    private enum Register { case eax, ebx, ecx, edx }

    /// CPUID bits, in the order in which they came to be. (Intel, Architecture Instruction Set Extensions, table 1-3.)
    private static let bits: [(name: String, leaf: UInt32, subleaf: UInt32, register: Register, bit: UInt32)] = [
      ("avx", 1, 0, .ecx, 28), ("f16c", 1, 0, .ecx, 29), ("fma", 1, 0, .ecx, 12), ("avx2", 7, 0, .ebx, 5),
      ("avx512f", 7, 0, .ebx, 16), ("avx512dq", 7, 0, .ebx, 17), ("avx512bw", 7, 0, .ebx, 30),
      ("avx512vl", 7, 0, .ebx, 31), ("avx512vbmi", 7, 0, .ecx, 1), ("avx512vnni", 7, 0, .ecx, 11),
      ("avxvnni", 7, 1, .eax, 4), ("avx512bf16", 7, 1, .eax, 5), ("avx512fp16", 7, 0, .edx, 23),
      ("amx-tile", 7, 0, .edx, 24), ("amx-int8", 7, 0, .edx, 25), ("amx-bf16", 7, 0, .edx, 22),
    ]

    public static let names: [String] = {
      let osxsave = 1 << 27 as UInt32
      guard kinglet_cpuid(1, 0).ecx & osxsave != 0 else { return [] }
      let saved = kinglet_xgetbv0()
      return bits.filter { feature in
        let leaf = kinglet_cpuid(feature.leaf, feature.subleaf)
        let register =
          switch feature.register {
          case .eax: leaf.eax
          case .ebx: leaf.ebx
          case .ecx: leaf.ecx
          case .edx: leaf.edx
          }
        return register >> feature.bit & 1 == 1 && saved & state(of: feature.name) == state(of: feature.name)
      }.map(\.name)
    }()

    /// The parts of XCR0, register state the system must save, that instructions of a feature need.
    private static func state(of name: String) -> UInt64 {
      if name.hasPrefix("amx") { return 0x6_0000 }
      return name.hasPrefix("avx512") ? 0xE6 : 0x06
    }
  #elseif arch(arm64)
    /// Part of the baseline there; what else a processor has is not looked for, as no kernel would use it.
    public static let names = ["neon"]
  #else
    public static let names: [String] = []
  #endif
}
