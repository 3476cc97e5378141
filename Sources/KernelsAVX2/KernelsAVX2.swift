import KingletKernels

// The door of the room: the only public name.

extension KernelTable {
  /// The kernels for AVX2 with FMA and F16C. Only to be used where `InstructionSet.best` is at least `.avx2`.
  public static let avx2 = KernelTable(
    instructionSet: .avx2,
    packedKernel: { MatrixKernel.avx2($0) ?? MatrixKernel.avx2Floats($0) ?? KernelTable.portable.packedKernel($0) },
    floatKernel: .avx2Singles,
    quantizeActivations: quantizeActivations256,
    interleave: KernelTable.portable.interleave,
    rmsNorm: rmsNorm256,
    layerNorm: layerNorm256,
    rotate: rotate256,
    gate: gate256,
    endProducts: endProducts256,
    projectLowRank: projectLowRank256,
    addLowRank: addLowRank256,
    addScaled: addScaled256,
    indexOfMaximum: indexOfMaximum256,
    appendKeyValue: { position in
      switch position.layout.type {
      case .f16, .f32: appendKeyValue256(position)
      case .q8_0: KernelTable.portable.appendKeyValue(position)
      }
    },
    attendPage: attendPage256,
    mergePages: mergePages256,
    finishAttention: finishAttention256)
}
