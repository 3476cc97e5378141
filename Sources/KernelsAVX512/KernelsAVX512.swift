import KingletKernels

// The door of the room: the only public name.

extension KernelTable {
  /// The kernels for AVX-512 with VNNI. Only to be used where `InstructionSet.best` is `.avx512`.
  public static let avx512 = KernelTable(
    instructionSet: .avx512,
    packedKernel: {
      MatrixKernel.avx512($0) ?? MatrixKernel.avx512Floats($0) ?? KernelTable.portable.packedKernel($0)
    },
    floatKernel: .avx512Singles,
    quantizeActivations: quantizeActivations512,
    interleave: interleave512,
    rmsNorm: rmsNorm512,
    layerNorm: layerNorm512,
    rotate: rotate512,
    gate: gate512,
    endProducts: endProducts512,
    projectLowRank: projectLowRank512,
    addLowRank: addLowRank512,
    addScaled: addScaled512,
    indexOfMaximum: indexOfMaximum512,
    appendKeyValue: appendKeyValue512,
    attendPage: attendPage512,
    mergePages: mergePages512,
    finishAttention: finishAttention512,
    probes: .avx512)
}
