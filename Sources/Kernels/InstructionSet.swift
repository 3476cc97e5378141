import CIntrinsics

/// The instruction sets for which there is a kernel table, from the most general to the fastest.
public enum InstructionSet: String, Sendable, CaseIterable, Comparable {
  /// Plain Swift, on any processor.
  case portable
  /// AVX-512 F, BW, DQ, VL and VNNI: Intel from Ice Lake on, AMD from Zen 4 on.
  case avx512

  public static func < (a: Self, b: Self) -> Bool { a == .portable && b == .avx512 }

  /// The fastest that this processor and its operating system can run.
  public static let best: InstructionSet = hasAVX512VNNI ? .avx512 : .portable

  private static var hasAVX512VNNI: Bool {
    #if arch(x86_64)
      let leaf1 = kinglet_cpuid(1, 0)
      let fma = 1 << 12 as UInt32
      let osxsave = 1 << 27 as UInt32
      let f16c = 1 << 29 as UInt32
      guard leaf1.ecx & (fma | osxsave | f16c) == fma | osxsave | f16c else { return false }
      // XMM, YMM, mask and both ZMM states must be saved by the operating system.
      guard kinglet_xgetbv0() & 0xE6 == 0xE6 else { return false }
      let leaf7 = kinglet_cpuid(7, 0)
      let avx2 = 1 << 5 as UInt32
      let wide: UInt32 = 1 << 16 | 1 << 17 | 1 << 30 | 1 << 31  // F, DQ, BW, VL
      let vnni = 1 << 11 as UInt32
      return leaf7.ebx & (avx2 | wide) == avx2 | wide && leaf7.ecx & vnni == vnni
    #else
      return false
    #endif
  }
}
