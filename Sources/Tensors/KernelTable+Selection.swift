import KingletErrors
import KingletKernels

#if canImport(KingletKernelsAVX2)
  import KingletKernelsAVX2
#endif
#if canImport(KingletKernelsAVX512)
  import KingletKernelsAVX512
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension KernelTable {
  /// The table of an instruction set, or an error where this processor or build does not have it.
  public static func table(for set: InstructionSet) throws(KingletError) -> KernelTable {
    guard set <= InstructionSet.best else {
      throw KingletError(
        .unsupported, "this processor cannot run the kernels for \(set.rawValue)",
        remedy: "The best it can run is \(InstructionSet.best.rawValue).")
    }
    switch set {
    case .portable: return .portable
    case .avx2:
      #if canImport(KingletKernelsAVX2)
        return .avx2
      #else
        throw KingletError(.unsupported, "this build has no kernels for avx2")
      #endif
    case .avx512:
      #if canImport(KingletKernelsAVX512)
        return .avx512
      #else
        throw KingletError(.unsupported, "this build has no kernels for avx512")
      #endif
    }
  }

  /// The table this process uses: the best one, or the one that `KINGLET_ISA` names.
  public static func selected() throws(KingletError) -> KernelTable {
    guard let name = getenv("KINGLET_ISA").map({ String(cString: $0) }), !name.isEmpty else {
      return try table(for: .best)
    }
    guard let set = InstructionSet(rawValue: name) else {
      let names = InstructionSet.allCases.map(\.rawValue).joined(separator: ", ")
      throw KingletError(
        .invalidArgument, "the environment variable KINGLET_ISA is '\(name)'", remedy: "Use one of: \(names).")
    }
    return try table(for: set)
  }
}
