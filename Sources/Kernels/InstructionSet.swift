import CIntrinsics

/// The instruction sets for which there is a kernel table, from the most general to the fastest.
public enum InstructionSet: String, Sendable, CaseIterable, Comparable {
  /// Plain Swift, on any processor.
  case portable
  /// AVX2 with FMA and F16C: Intel from Haswell on, AMD from Zen on.
  case avx2
  /// AVX-512 F, BW, DQ, VL and VNNI: Intel from Ice Lake on, AMD from Zen 4 on.
  case avx512

  /// Each set's kernels run wherever those of a greater one do.
  public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }

  private var rank: Int {
    switch self {
    case .portable: 0
    case .avx2: 1
    case .avx512: 2
    }
  }

  /// The fastest that this processor and its operating system can run.
  public static let best: InstructionSet = !hasAVX2 ? .portable : hasAVX512VNNI ? .avx512 : .avx2

  private static var hasAVX2: Bool {
    #if arch(x86_64)
      let leaf1 = kinglet_cpuid(1, 0)
      let fma = 1 << 12 as UInt32
      let osxsave = 1 << 27 as UInt32
      let f16c = 1 << 29 as UInt32
      guard leaf1.ecx & (fma | osxsave | f16c) == fma | osxsave | f16c else { return false }
      // XMM and YMM states must be saved by the operating system.
      guard kinglet_xgetbv0() & 0x06 == 0x06 else { return false }
      let avx2 = 1 << 5 as UInt32
      return kinglet_cpuid(7, 0).ebx & avx2 == avx2
    #else
      return false
    #endif
  }

  /// Only to be asked where there is AVX2.
  private static var hasAVX512VNNI: Bool {
    #if arch(x86_64)
      // Mask and both ZMM states must be saved as well.
      guard kinglet_xgetbv0() & 0xE6 == 0xE6 else { return false }
      let leaf7 = kinglet_cpuid(7, 0)
      let wide: UInt32 = 1 << 16 | 1 << 17 | 1 << 30 | 1 << 31  // F, DQ, BW, VL
      let vnni = 1 << 11 as UInt32
      return leaf7.ebx & wide == wide && leaf7.ecx & vnni == vnni
    #else
      return false
    #endif
  }
}
